// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelOCI
import PetrelRegistry
import PetrelSigning

/// What a pull must find out about signatures before anything of the model moves.
struct SignatureCheck: Sendable {
  let source: any ArtifactSource
  let reference: ModelReference
  let bearerToken: String?
  /// What the policy says about the repository.
  let rule: SignatureRule?
  /// What this pull's client asked for beyond that.
  let demand: SignatureRequirement?
  let logger: Logger

  /// Looks for signatures of the manifest `digest` where somebody wants them.
  ///
  /// - Throws: ``LibraryError`` with ``LibraryError/Code/unverified`` when the model is to be refused.
  func run(_ digest: Digest, _ feed: ProgressFeed) async throws {
    var list = SignatureReader(source: source, reference: reference, digest: digest, bearerToken: bearerToken)
    if let demand {
      let key = try await list.find(demand)
      tellVerified(key, feed)
    }
    guard let rule, rule.action != .off else { return }
    // The rule's own keys may be what was asked for.
    if let demand, demand == rule.requirement { return }
    do {
      let key = try await list.find(rule.requirement)
      tellVerified(key, feed)
    } catch let error as LibraryError where error.code == .unverified {
      try refuseOrWarn(rule, error.message, feed)
    }
  }

  /// For sources that have no signatures, or cannot be asked for them.
  ///
  /// - Parameter reason: why there are none.
  func runWithoutSignatures(_ feed: ProgressFeed, because reason: String? = nil) throws {
    let reason = reason ?? "\(reference.registry) has no signatures"
    if demand != nil { throw Self.refusal(of: reference, reason) }
    if let rule, rule.action != .off {
      try refuseOrWarn(rule, Self.refusal(of: reference, reason).message, feed)
    }
  }

  static func refusal(of reference: ModelReference, _ reason: String) -> LibraryError {
    LibraryError(.unverified, "\(reference) can't be verified: \(reason)")
  }

  private func refuseOrWarn(_ rule: SignatureRule, _ reason: String, _ feed: ProgressFeed) throws {
    guard rule.action == .warn else {
      throw LibraryError(
        .unverified, "\(reason); the configuration wants it signed (signatures, \(rule.repositories))")
    }
    logger.warning(
      "pulled without a good signature", metadata: ["model": "\(reference)", "reason": "\(reason)"])
    feed.say(.warning, "\(reason); pulled all the same")
  }

  private func tellVerified(_ key: VerificationKey, _ feed: ProgressFeed) {
    logger.info("signature verified", metadata: ["model": "\(reference)", "key": "\(key.fingerprint)"])
    feed.say(.progress, "Signature verified: key \(key.fingerprint.short) from \(key.origin)")
  }
}
