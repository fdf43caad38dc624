// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Which signatures of a model are good: one of them is enough.
package struct SignatureRequirement: Sendable, Hashable {
  /// Any of them may have signed.
  package let keys: [VerificationKey]
  /// Names under which the model may have been signed. Empty: the repository that it is pulled from.
  package let signedAs: [RepositoryPattern]

  package init(keys: [VerificationKey], signedAs: [RepositoryPattern] = []) {
    self.keys = keys
    self.signedAs = signedAs
  }

  /// What one signature is worth.
  package enum Verdict: Sendable, Hashable {
    case good(VerificationKey)
    /// Nobody who is trusted has signed this.
    case unknownSigner
    /// Somebody who is trusted has signed, but this does not help: the reason, for people.
    case misfit(String)
  }

  /// - Parameters:
  ///   - signature: an `ECDSA-Sig-Value` in DER.
  ///   - digest: of the manifest that is to be used.
  ///   - reference: what the user asked for.
  package func judge(
    payload: [UInt8], signature: [UInt8], digest: Digest, reference: ModelReference
  ) -> Verdict {
    guard payload.count <= SignaturePayload.maximumSize,
      let key = keys.first(where: { $0.isValid(signature, for: payload) })
    else { return .unknownSigner }
    let claims: SignaturePayload
    do {
      claims = try SignaturePayload(decoding: payload)
    } catch {
      return .misfit(error.message)
    }
    guard claims.digest == digest else {
      return .misfit("the signature is for another model, \(claims.digest)")
    }
    let isNameGood =
      signedAs.isEmpty
      ? claims.isFor(reference) : claims.repository.map { name in signedAs.contains { $0.matches(name) } } ?? false
    guard isNameGood else {
      return .misfit("it was signed as \(quoted(claims.dockerReference)) (for a copy, name that in signed-as)")
    }
    return .good(key)
  }
}
