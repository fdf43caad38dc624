// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// A signature with what it signs and the key that proves it.
package struct DetachedSignature: Sendable, Hashable {
  package let payload: [UInt8]
  /// An `ECDSA-Sig-Value` in DER.
  package let signature: [UInt8]
  package let key: VerificationKey

  package init(payload: [UInt8], signature: [UInt8], key: VerificationKey) {
    self.payload = payload
    self.signature = signature
    self.key = key
  }

  /// Throws unless this is a signature by its key for exactly this model in exactly this repository.
  package func check(_ digest: Digest, in reference: ModelReference) throws(SigningError) {
    guard payload.count <= SignaturePayload.maximumSize, key.isValid(signature, for: payload) else {
      throw SigningError(.invalidSignature, "the signature does not fit to its payload and key")
    }
    let claims = try SignaturePayload(decoding: payload)
    guard claims.digest == digest else {
      throw SigningError(
        .invalidSignature, "the signature is for \(claims.digest) and not for \(digest); sign the model again")
    }
    guard claims.isFor(reference) else {
      throw SigningError(
        .invalidSignature,
        "the signature is for \(quoted(claims.dockerReference)) and not for \(reference.qualifiedRepository)")
    }
  }
}
