// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

import enum Crypto.P256

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A private key to sign with: ECDSA on P-256.
package struct SigningKey: Sendable {
  private static let cosignLabels = ["ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"]

  private let key: P256.Signing.PrivateKey
  private let origin: String

  /// A new key.
  package init() {
    key = P256.Signing.PrivateKey()
    origin = "a new key"
  }

  /// Reads an unencrypted key, PKCS#8 (`PRIVATE KEY`) or SEC1 (`EC PRIVATE KEY`).
  ///
  /// - Parameter origin: for messages.
  package init(pem: String, origin: String) throws(SigningError) {
    func refuse(_ reason: String) -> SigningError { SigningError(.invalidKey, "\(origin): \(reason)") }
    guard pem.utf8.count <= PEMBlock.maximumTextSize else { throw refuse("this is too large for a key") }
    // OpenSSL writes the curve's parameters into a block of their own before a SEC1 key.
    let blocks = PEMBlock.blocks(in: pem).filter { $0.label != "EC PARAMETERS" }
    guard let block = blocks.first else {
      throw refuse("there is no key in it; want PEM, beginning with \"-----BEGIN PRIVATE KEY-----\"")
    }
    guard blocks.count == 1 else { throw refuse("there is more than one key in it") }
    if Self.cosignLabels.contains(block.label) {
      throw refuse(
        "the key is encrypted in cosign's own way, which Petrel does not read; make a key with `petrel key generate`, "
          + "and `cosign import-key-pair --key …` turns that into one for cosign, so that both sign as the same")
    }
    if block.label == "ENCRYPTED PRIVATE KEY" || block.hasEncryptionHeader {
      throw refuse("the key is encrypted; `openssl pkey -in … -out …` writes it without a password")
    }
    guard block.label == "PRIVATE KEY" || block.label == "EC PRIVATE KEY" else {
      throw refuse("this holds a \(quoted(block.label)) and not a \"PRIVATE KEY\"")
    }
    guard let bytes = block.bytes, let key = try? P256.Signing.PrivateKey(derRepresentation: bytes) else {
      throw refuse("the private key is none of ECDSA on P-256, the only kind that is known here")
    }
    self.key = key
    self.origin = origin
  }

  /// PKCS#8, not encrypted.
  package var pem: String { key.pemRepresentation + "\n" }

  package var verificationKey: VerificationKey { VerificationKey(key.publicKey, origin: origin) }

  /// Signs the payload that says: this is the model `digest` of that repository.
  package func sign(_ digest: Digest, in reference: ModelReference) throws -> DetachedSignature {
    let payload = try SignaturePayload(signing: digest, in: reference).serialized()
    let signature = try key.signature(for: Data(payload))
    return DetachedSignature(
      payload: payload, signature: Array(signature.derRepresentation), key: verificationKey)
  }
}
