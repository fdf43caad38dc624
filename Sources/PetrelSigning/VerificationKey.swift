// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

import enum Crypto.P256

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A public key whose signatures are trusted: ECDSA on P-256.
package struct VerificationKey: Sendable, Hashable {
  /// Where the key came from, for messages: a path, `the request`.
  package let origin: String
  /// `SubjectPublicKeyInfo` in DER. Source: RFC 5480.
  let encoded: [UInt8]

  init(_ key: P256.Signing.PublicKey, origin: String) {
    self.origin = origin
    encoded = Array(key.derRepresentation)
  }

  /// All keys of a PEM text. Source of the form: RFC 7468, section 13 (`PUBLIC KEY`).
  ///
  /// - Parameter origin: for messages.
  package static func read(pem: String, origin: String) throws(SigningError) -> [VerificationKey] {
    func refuse(_ reason: String) -> SigningError { SigningError(.invalidKey, "\(origin): \(reason)") }
    guard pem.utf8.count <= PEMBlock.maximumTextSize else { throw refuse("this is too large for a file of keys") }
    var keys: [VerificationKey] = []
    for block in PEMBlock.blocks(in: pem) {
      guard block.label == "PUBLIC KEY" else {
        if block.label.hasSuffix("PRIVATE KEY") {
          throw refuse("this is a private key, and only the public one is wanted here; `petrel key show` prints it")
        }
        throw refuse(
          "this holds a \(quoted(block.label)) and not a \"PUBLIC KEY\"; "
            + "`openssl x509 -pubkey -noout -in …` takes the key out of a certificate")
      }
      guard let bytes = block.bytes, let key = try? P256.Signing.PublicKey(derRepresentation: bytes) else {
        throw refuse("the public key is none of ECDSA on P-256, the only kind that is known here")
      }
      keys.append(VerificationKey(key, origin: origin))
    }
    guard !keys.isEmpty else {
      throw refuse("there is no key in it; want PEM, beginning with \"-----BEGIN PUBLIC KEY-----\"")
    }
    return keys
  }

  /// SHA-256 of the key's DER form: what `openssl pkey -pubin -outform DER | sha256sum` prints.
  package var fingerprint: Digest { Digest(of: encoded) }

  package var pem: String { parsed.map { $0.pemRepresentation + "\n" } ?? "" }

  /// Whether this key has signed `payload`.
  ///
  /// - Parameter signature: an `ECDSA-Sig-Value` in DER over the SHA-256 of the payload.
  package func isValid(_ signature: [UInt8], for payload: [UInt8]) -> Bool {
    guard let parsed, let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else {
      return false
    }
    return parsed.isValidSignature(signature, for: Data(payload))
  }

  private var parsed: P256.Signing.PublicKey? { try? P256.Signing.PublicKey(derRepresentation: encoded) }
}
