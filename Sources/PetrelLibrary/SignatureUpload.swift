// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry
import PetrelSigning

/// Adds a signature to those that the registry has of a manifest.
///
/// Registries cannot add to a manifest: of two who sign at the same moment, the later one's list counts. So the list is
/// looked at once more a moment later, and who is not on it any more signs again.
struct SignatureUpload: Sendable {
  let source: any ArtifactSource
  let reference: ModelReference
  let bearerToken: String?
  let signature: DetachedSignature
  /// Whose pauses and random numbers are used.
  let retryPolicy: RetryPolicy
  /// As often others may replace the list.
  private static let attempts = 6
  /// The longest pause before a look; at least half of it passes, so that those who collide once do so no more.
  private static let pause = Duration.milliseconds(400)

  init(
    source: any ArtifactSource, reference: ModelReference, bearerToken: String?, signature: DetachedSignature,
    retryPolicy: RetryPolicy
  ) {
    self.source = source
    self.reference = reference
    self.bearerToken = bearerToken
    self.signature = signature
    self.retryPolicy = retryPolicy
  }

  /// To be called when the model's blobs are there and before its manifest is: whoever finds the model finds it signed.
  ///
  /// - Parameter digest: of the manifest that is going to be pushed.
  func run(_ digest: Digest) async throws {
    try signature.check(digest, in: reference)
    let place = SignatureList.reference(of: digest, beside: reference)
    var list = try await existing(place)
    for _ in 0..<Self.attempts {
      if try await isSigned(list, digest) { return }
      for blob in list.append(signature) {
        try await source.pushBlob(
          blob.descriptor, to: reference, mountingFrom: [], bearerToken: bearerToken,
          content: BufferContent(ByteBuffer(bytes: blob.bytes)), progress: { _ in })
      }
      _ = try await source.pushManifest(
        try list.manifest.serialized(), mediaType: list.manifest.mediaType ?? MediaType.ociManifest, to: place,
        bearerToken: bearerToken)
      try await retryPolicy.sleep(Self.pause * (0.5 + 0.5 * retryPolicy.random()))
      list = try await existing(place)
    }
    guard try await isSigned(list, digest) else {
      throw LibraryError(
        .conflict, "\(place): others sign the same model all the time, and the signature got lost; push it again")
    }
  }

  private func existing(_ place: ModelReference) async throws -> SignatureList {
    do {
      return try SignatureList(decoding: try await source.originManifest(place, bearerToken: bearerToken).bytes)
    } catch let error as RegistryError where error.code == .notFound {
      return SignatureList()
    } catch let error as SigningError {
      throw LibraryError(.conflict, "\(place): \(error.message); remove that tag, or push without --sign")
    }
  }

  /// Whether the same key has signed the same before: pushing again must not lengthen the list.
  private func isSigned(_ list: SignatureList, _ digest: Digest) async throws -> Bool {
    let requirement = SignatureRequirement(keys: [signature.key])
    for entry in list.entries {
      let payload: [UInt8]
      do {
        payload = try await source.blob(
          entry.descriptor, of: reference, limit: Int64(SignaturePayload.maximumSize), bearerToken: bearerToken)
      } catch let error as RegistryError where !error.isRetryable {
        // What cannot be read is left to those who wrote it.
        continue
      }
      let verdict = requirement.judge(
        payload: payload, signature: entry.signature, digest: digest, reference: reference)
      if case .good = verdict { return true }
    }
    return false
  }
}
