// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelHub
import PetrelOCI
import PetrelRegistry

/// One revision of a repository, presented as the artifact of a model: what a pull needs to get it like any other.
struct HubArtifact: ArtifactSource {
  let hub: HubClient
  let revision: HubRevision
  let token: String?
  let sealed: ArtifactDraft.Sealed
  /// Files that are downloaded, by the digest of their content.
  let files: [Digest: HubFile]
  /// Small contents that are here already.
  let contents: [Digest: [UInt8]]

  func manifest(_ reference: ModelReference, bearerToken: String?) async throws -> ArtifactManifest {
    ArtifactManifest(bytes: sealed.manifest, digest: sealed.id)
  }

  func blob(
    _ descriptor: Descriptor, of reference: ModelReference, limit: Int64, bearerToken: String?
  ) async throws -> [UInt8] {
    if descriptor.digest == sealed.configDescriptor.digest { return sealed.config }
    if let content = contents[descriptor.digest] { return content }
    guard let file = files[descriptor.digest], file.size <= limit else { throw unknown(descriptor) }
    return try await hub.content(of: file, in: revision, limit: Int(limit), token: token)
  }

  func download(
    _ descriptor: Descriptor, of reference: ModelReference, from offset: Int64, bearerToken: String?
  ) async throws -> BlobDownload {
    if let content = contents[descriptor.digest] {
      return BlobDownload(startOffset: offset, chunks: Self.chunk(content.dropFirst(Int(clamping: offset))))
    }
    guard let file = files[descriptor.digest] else { throw unknown(descriptor) }
    let (answer, start) = try await hub.open(file, in: revision, from: offset, token: token)
    return BlobDownload(startOffset: start, chunks: answer.body(of: descriptor.size - start))
  }

  func download(
    _ range: Range<Int64>, of descriptor: Descriptor, in reference: ModelReference, via route: BlobRoute,
    isFresh: Bool, bearerToken: String?
  ) async throws -> RangeDownload {
    if let content = contents[descriptor.digest] {
      let whole = Int64(content.count)
      let part = range.clamped(to: 0..<whole)
      return RangeDownload(
        range: part, isPartial: true, chunks: Self.chunk(content[Int(part.lowerBound)..<Int(part.upperBound)]))
    }
    guard let file = files[descriptor.digest] else { throw unknown(descriptor) }
    let part = try await hub.open(range, of: file, in: revision, via: route, isFresh: isFresh, token: token)
    return RangeDownload(
      range: part.range, isPartial: part.isPartial, tag: part.answer.tag, origin: part.answer.origin,
      chunks: part.body)
  }

  func pushBlob(
    _ descriptor: Descriptor, to reference: ModelReference, mountingFrom repositories: [String], bearerToken: String?,
    content: any BlobContent, progress: @escaping @Sendable (Int64) -> Void
  ) async throws { throw readOnly }

  func pushManifest(
    _ bytes: [UInt8], mediaType: String, to reference: ModelReference, bearerToken: String?
  ) async throws -> Digest { throw readOnly }

  private static func chunk(_ bytes: ArraySlice<UInt8>) -> AsyncThrowingStream<ByteBuffer, any Error> {
    AsyncThrowingStream { stream in
      stream.yield(ByteBuffer(bytes: bytes))
      stream.finish()
    }
  }

  private func unknown(_ descriptor: Descriptor) -> RegistryError {
    RegistryError(.notFound, "\(revision.repository) has no file with the digest \(descriptor.digest)")
  }

  private var readOnly: RegistryError {
    RegistryError(.unsupported, "a revision of \(revision.repository) cannot be written to")
  }
}
