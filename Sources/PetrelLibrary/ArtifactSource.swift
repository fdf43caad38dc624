// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry

/// Where artifacts come from and go to. Errors are ``RegistryError`` or `CancellationError`.
package protocol ArtifactSource: Sendable {
  /// The manifest that `reference` names, checked against its digest.
  func manifest(_ reference: ModelReference, bearerToken: String?) async throws -> ArtifactManifest

  /// The same with no more than so many tries.
  func manifest(_ reference: ModelReference, tries: Int, bearerToken: String?) async throws -> ArtifactManifest

  /// The same, never from a mirror: for what is going to be replaced.
  func originManifest(_ reference: ModelReference, bearerToken: String?) async throws -> ArtifactManifest

  /// A small blob, checked against its digest and size.
  func blob(
    _ descriptor: Descriptor, of reference: ModelReference, limit: Int64, bearerToken: String?
  ) async throws -> [UInt8]

  /// One attempt at a blob's bytes from `offset` on.
  func download(
    _ descriptor: Descriptor, of reference: ModelReference, from offset: Int64, bearerToken: String?
  ) async throws -> BlobDownload

  /// One attempt at a range of a blob.
  ///
  /// - Parameters:
  ///   - route: the same for all requests for this blob.
  ///   - isFresh: the bytes shall come from no cache and over a new way.
  func download(
    _ range: Range<Int64>, of descriptor: Descriptor, in reference: ModelReference, via route: BlobRoute,
    isFresh: Bool, bearerToken: String?
  ) async throws -> RangeDownload

  /// Uploads a blob, unless it is there or can be taken from one of `repositories` of the same registry.
  ///
  /// - Parameter progress: called with the bytes sent so far; never goes back.
  func pushBlob(
    _ descriptor: Descriptor, to reference: ModelReference, mountingFrom repositories: [String], bearerToken: String?,
    content: any BlobContent, progress: @escaping @Sendable (Int64) -> Void
  ) async throws

  func pushManifest(
    _ bytes: [UInt8], mediaType: String, to reference: ModelReference, bearerToken: String?
  ) async throws -> Digest
}

extension ArtifactSource {
  // Only a network needs to be tried.
  package func manifest(
    _ reference: ModelReference, tries: Int, bearerToken: String?
  ) async throws -> ArtifactManifest {
    try await manifest(reference, bearerToken: bearerToken)
  }

  // Most sources have no mirrors.
  package func originManifest(_ reference: ModelReference, bearerToken: String?) async throws -> ArtifactManifest {
    try await manifest(reference, bearerToken: bearerToken)
  }
}

/// A manifest, byte for byte.
package struct ArtifactManifest: Sendable {
  package let bytes: [UInt8]
  package let digest: Digest

  package init(bytes: [UInt8], digest: Digest) {
    self.bytes = bytes
    self.digest = digest
  }
}

/// A blob on its way, not yet checked.
package struct BlobDownload: Sendable {
  /// The offset that was asked for, or 0 when the source cannot begin there.
  package let startOffset: Int64
  package let chunks: any AsyncSequence<ByteBuffer, any Error> & Sendable

  package init(startOffset: Int64, chunks: any AsyncSequence<ByteBuffer, any Error> & Sendable) {
    self.startOffset = startOffset
    self.chunks = chunks
  }
}

/// A part of a blob on its way, not yet checked.
package struct RangeDownload: Sendable {
  /// Where the bytes lie in the blob. They begin where they were asked for, or at 0 when the source has no ranges; they
  /// may go on beyond what was asked for, or end before.
  package let range: Range<Int64>
  /// The source took notice of the range.
  package let isPartial: Bool
  /// Changes with the bytes, for an origin; nil when nothing is known.
  package let tag: String?
  package let origin: String
  package let chunks: any AsyncSequence<ByteBuffer, any Error> & Sendable

  package init(
    range: Range<Int64>, isPartial: Bool, tag: String? = nil, origin: String = "",
    chunks: any AsyncSequence<ByteBuffer, any Error> & Sendable
  ) {
    self.range = range
    self.isPartial = isPartial
    self.tag = tag
    self.origin = origin
    self.chunks = chunks
  }
}

extension ArtifactSource {
  /// For sources that can begin in the middle, but not end there.
  package func download(
    _ range: Range<Int64>, of descriptor: Descriptor, in reference: ModelReference, via route: BlobRoute,
    isFresh: Bool, bearerToken: String?
  ) async throws -> RangeDownload {
    let download = try await download(
      descriptor, of: reference, from: range.lowerBound, bearerToken: bearerToken)
    return RangeDownload(
      range: download.startOffset..<descriptor.size,
      isPartial: range.lowerBound > 0 && download.startOffset == range.lowerBound, chunks: download.chunks)
  }
}

extension RegistryClient: ArtifactSource {
  package func manifest(_ reference: ModelReference, bearerToken: String?) async throws -> ArtifactManifest {
    let fetched: FetchedManifest = try await manifest(reference, bearerToken: bearerToken)
    return ArtifactManifest(bytes: fetched.bytes, digest: fetched.digest)
  }

  package func manifest(
    _ reference: ModelReference, tries: Int, bearerToken: String?
  ) async throws -> ArtifactManifest {
    let fetched: FetchedManifest = try await manifest(reference, tries: tries, bearerToken: bearerToken)
    return ArtifactManifest(bytes: fetched.bytes, digest: fetched.digest)
  }

  package func originManifest(_ reference: ModelReference, bearerToken: String?) async throws -> ArtifactManifest {
    let fetched: FetchedManifest = try await manifest(reference, fromMirrors: false, bearerToken: bearerToken)
    return ArtifactManifest(bytes: fetched.bytes, digest: fetched.digest)
  }

  package func download(
    _ descriptor: Descriptor, of reference: ModelReference, from offset: Int64, bearerToken: String?
  ) async throws -> BlobDownload {
    let stream = try await openBlob(descriptor, of: reference, from: offset, bearerToken: bearerToken)
    return BlobDownload(startOffset: stream.startOffset, chunks: stream.chunks)
  }

  package func download(
    _ range: Range<Int64>, of descriptor: Descriptor, in reference: ModelReference, via route: BlobRoute,
    isFresh: Bool, bearerToken: String?
  ) async throws -> RangeDownload {
    let stream = try await openRange(
      range, of: descriptor, in: reference, via: route, isFresh: isFresh, bearerToken: bearerToken)
    return RangeDownload(
      range: stream.range, isPartial: stream.isPartial, tag: stream.tag, origin: stream.origin, chunks: stream.chunks)
  }
}
