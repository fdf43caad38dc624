// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI

extension RegistryClient {
  /// Uploads a blob, unless the registry has it or can take it from another of its repositories.
  ///
  /// - Parameters:
  ///   - repositories: repositories of the same registry that may have the blob.
  ///   - content: `descriptor.size` bytes.
  ///   - progress: called with the bytes that have been sent; never goes back, ends with the whole size.
  package func pushBlob(
    _ descriptor: Descriptor, to reference: ModelReference, mountingFrom repositories: [String] = [],
    bearerToken: String? = nil, content: any BlobContent, progress: @escaping @Sendable (Int64) -> Void
  ) async throws {
    let upload = BlobUpload(
      client: self, descriptor: descriptor, reference: reference, endpoint: configuration.endpoint(for: reference),
      otherRepositories: repositories.filter { $0 != reference.repository }, bearerToken: bearerToken,
      content: content, progress: UploadProgress(progress))
    try await upload.run()
  }

  /// Uploads a manifest under the reference's tag or digest.
  package func pushManifest(
    _ bytes: [UInt8], mediaType: String, to reference: ModelReference, bearerToken: String? = nil
  ) async throws -> Digest {
    let endpoint = configuration.endpoint(for: reference)
    let digest = Digest(of: bytes)
    let version = reference.digest?.description ?? reference.tag ?? ModelReference.defaultTag
    try await configuration.retryPolicy.withRetries {
      let response = try await send(
        .PUT, "manifests/\(version)", of: reference, at: endpoint, access: .push, bearerToken: bearerToken,
        headers: ["Content-Type": mediaType], body: ByteBuffer(bytes: bytes))
      guard Self.isAccepted(response.status) else {
        throw await RegistryError.refusal(response, of: .manifest, verb: "push", reference)
      }
      await response.body.discard()
      try Self.check(response.headers, digest)
    }
    return digest
  }

  static func isAccepted(_ status: HTTPResponseStatus) -> Bool {
    [200, 201, 202, 204].contains(status.code)
  }

  static func check(_ headers: HTTPHeaders, _ digest: Digest) throws(RegistryError) {
    guard let stored = headers.first(name: "Docker-Content-Digest"), stored.hasPrefix("sha256:") else { return }
    guard stored == digest.description else {
      throw RegistryError(.digestMismatch, "the registry stored \(quoted(stored)) instead of \(digest)")
    }
  }
}
