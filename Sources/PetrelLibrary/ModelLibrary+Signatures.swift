// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelSigning

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A client's wish that a model be verified.
package struct SignatureDemand: Sendable, Hashable {
  /// Empty: those that the configuration names for the repository.
  package let keys: [VerificationKey]

  package init(keys: [VerificationKey] = []) { self.keys = keys }

  /// What a pull's body asks for; nil for nothing.
  package init?(_ request: PullRequest) throws {
    guard request.verify == true else {
      guard request.verifyKeys?.isEmpty ?? true else {
        throw LibraryError(.invalidRequest, "verify-keys does nothing without \"verify\": true")
      }
      return nil
    }
    keys = try (request.verifyKeys ?? []).flatMap { pem in
      try invalidRequest { try VerificationKey.read(pem: pem, origin: "the request") }
    }
  }
}

extension DetachedSignature {
  package init(_ object: SignatureObject) throws {
    guard let payload = Data(base64Encoded: object.payload), let signature = Data(base64Encoded: object.signature)
    else { throw LibraryError(.invalidRequest, "signature: payload and signature must be base64") }
    let keys = try invalidRequest { try VerificationKey.read(pem: object.key, origin: "the request") }
    guard let key = keys.first, keys.count == 1 else {
      throw LibraryError(.invalidRequest, "signature: want one key")
    }
    self.init(payload: Array(payload), signature: Array(signature), key: key)
  }
}

extension ModelLibrary {
  /// What a pull of `reference` has to check.
  func signatureCheck(
    _ reference: ModelReference, demand: SignatureDemand?, bearerToken: String?
  ) throws -> SignatureCheck {
    let rule = signaturePolicy.rule(for: reference)
    let wanted = try demand.map { demand in
      guard demand.keys.isEmpty else { return SignatureRequirement(keys: demand.keys) }
      guard let rule, !rule.requirement.keys.isEmpty else {
        throw LibraryError(
          .invalidRequest,
          "there is no key to verify \(reference) with; name one with --key, or in the configuration's signatures")
      }
      return rule.requirement
    }
    return SignatureCheck(
      source: source, reference: reference, bearerToken: bearerToken, rule: rule, demand: wanted, logger: logger)
  }
}

private func invalidRequest<Value>(_ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as SigningError {
    throw LibraryError(.invalidRequest, error.message)
  }
}
