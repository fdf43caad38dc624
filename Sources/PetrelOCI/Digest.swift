// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A SHA-256 digest in the form `sha256:<64 lower-case hex digits>`, the only algorithm that model artifacts use.
///
/// Source: OCI image specification, descriptor.md, "Digests".
package struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// 64 lower-case hex digits.
  package let hex: String

  package init(parsing text: String) throws(OCIError) {
    guard let digest = Digest(text) else {
      throw OCIError(.invalidDigest, "invalid digest \(quoted(text)): want \"sha256:\" and 64 lower-case hex digits")
    }
    self = digest
  }

  /// The digest that `text` spells, or nil.
  package init?(_ text: String) {
    guard text.hasPrefix("sha256:") else { return nil }
    self.init(hex: String(text.dropFirst(7)))
  }

  package init?(hex: String) {
    guard hex.utf8.count == 64, hex.utf8.allSatisfy(isLowerHex) else { return nil }
    self.hex = hex
  }

  package init(_ digest: SHA256Digest) {
    hex = digest.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }

  /// The digest of `text`'s UTF-8 bytes.
  package init(ofText text: String) {
    self.init(SHA256.hash(data: Array(text.utf8)))
  }

  package init(of bytes: [UInt8]) {
    self.init(SHA256.hash(data: bytes))
  }

  /// The first 12 hex digits, as listings show it.
  package var short: String { String(hex.prefix(12)) }

  package var description: String { "sha256:" + hex }
}

extension Digest: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "invalid digest \(quoted(text))")
    }
    self = digest
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

func isLowerHex(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
}

/// `text` in double quotes, control characters escaped and cut after 100 characters, fit for a message or a log line.
package func quoted(_ text: String) -> String {
  let head = text.prefix(100)
  let escaped = head.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? $0.escaped(asASCII: true) : String($0) }
  return "\"" + escaped.joined() + (head.count < text.count ? "...[truncated]" : "") + "\""
}
