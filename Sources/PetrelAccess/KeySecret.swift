// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The secret of a key: 256 random bits as text, shown once when it is made.
///
/// No salt and no slow hash are needed to keep such a secret: there is nothing to guess.
package struct KeySecret: Sendable {
  private static let prefix = "petrel-"
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
  /// log2(62) * 43 is a little more than 256.
  private static let length = 43

  package let text: String

  /// A new one, of the system's secure source.
  package init() {
    var generator = SystemRandomNumberGenerator()
    text = Self.prefix + String((0..<Self.length).map { _ in Self.alphabet.randomElement(using: &generator) ?? "A" })
  }

  /// What a client has sent.
  package init(text: String) { self.text = text }

  /// 32 bytes.
  var digest: SecretDigest { SecretDigest(of: text) }
}

/// SHA-256 of a secret.
struct SecretDigest: Sendable {
  let bytes: [UInt8]

  init(of text: String) { bytes = Array(SHA256.hash(data: Array(text.utf8))) }

  /// Nil unless `hex` has 64 digits.
  init?(hex: String) {
    let digits = hex.compactMap(\.hexDigitValue)
    guard digits.count == 64, hex.utf8.count == 64 else { return nil }
    bytes = stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  var hex: String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] })
  }

  /// Takes the same time wherever the two differ.
  func isEqual(to other: SecretDigest) -> Bool {
    zip(bytes, other.bytes).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0 && bytes.count == other.bytes.count
  }
}
