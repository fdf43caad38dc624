// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry

import struct Crypto.SHA256

/// A blob that is read from one registry while it is sent to another. Nothing of it is kept but the pieces that are on
/// their way, and its digest is computed as they pass.
actor RemoteContent: BlobContent {
  /// A class: the optimiser of Swift 6.3.1 crashes on asynchronous functions that hold the state of a hash.
  private final class Hash {
    private var state = SHA256()
    private(set) var length: Int64 = 0

    /// Takes the bytes that it has not seen yet.
    func update(_ piece: ByteBuffer, at offset: Int64) {
      let known = length - offset
      guard known >= 0, known < piece.readableBytes else { return }
      let news = piece.readableBytesView.dropFirst(Int(known))
      news.withUnsafeBytes { state.update(bufferPointer: $0) }
      length += Int64(news.count)
    }

    var digest: Digest { Digest(state.finalize()) }
  }

  private let source: any ArtifactSource
  private let blob: Descriptor
  private let reference: ModelReference
  private let bearerToken: String?
  private let hash = Hash()
  private var download: (any AsyncIteratorProtocol<ByteBuffer, any Error>)?
  /// Where `rest` begins in the blob.
  private var position: Int64 = 0
  /// Bytes that have come and were not asked for yet.
  private var rest = ByteBuffer()
  /// Counts readers: one that was given up must not touch what its successor works with.
  private var generation = 0

  init(_ blob: Descriptor, of reference: ModelReference, from source: any ArtifactSource, bearerToken: String?) {
    self.blob = blob
    self.reference = reference
    self.source = source
    self.bearerToken = bearerToken
  }

  func read(from offset: Int64, upTo limit: Int) async throws -> ByteBuffer {
    guard offset < blob.size else { return ByteBuffer() }
    generation += 1
    let own = generation
    if offset != position || (download == nil && rest.readableBytes == 0) { try await begin(at: offset, own) }
    while rest.readableBytes == 0 {
      guard var iterator = download else { throw CancellationError() }
      download = nil
      let chunk = try await iterator.next(isolation: self)
      guard generation == own else { throw CancellationError() }
      guard let chunk else {
        throw RegistryError(.truncated, "blob \(blob.digest) ended after \(offset) of \(blob.size) bytes")
      }
      download = iterator
      rest = chunk
    }
    let piece = rest.readSlice(length: min(limit, rest.readableBytes)) ?? ByteBuffer()
    position += Int64(piece.readableBytes)
    hash.update(piece, at: offset)
    return piece
  }

  func verify() async throws {
    guard hash.length == blob.size else {
      throw RegistryError(.digestMismatch, "blob \(blob.digest) was not read as a whole; copy again")
    }
    let actual = hash.digest
    guard actual == blob.digest else {
      throw RegistryError(
        .digestMismatch,
        "blob digest mismatch for \"\(blob.digest)\": expected \(blob.digest), got \(actual); nothing was written")
    }
  }

  /// Opens the download. A source that cannot begin in the middle sends again what was read before.
  private func begin(at offset: Int64, _ own: Int) async throws {
    download = nil
    rest = ByteBuffer()
    let opened = try await source.download(blob, of: reference, from: offset, bearerToken: bearerToken)
    guard generation == own else { throw CancellationError() }
    var iterator = opened.chunks.makeAsyncIterator()
    var surplus = offset - opened.startOffset
    guard surplus >= 0 else { throw RegistryError(.invalidResponse, "blob \(blob.digest): the registry skips bytes") }
    while surplus > 0 {
      let chunk = try await iterator.next(isolation: self)
      guard generation == own else { throw CancellationError() }
      guard var chunk else {
        throw RegistryError(.truncated, "blob \(blob.digest) ended before byte \(offset)")
      }
      let skipped = min(surplus, Int64(chunk.readableBytes))
      chunk.moveReaderIndex(forwardBy: Int(skipped))
      surplus -= skipped
      rest = chunk
    }
    position = offset
    download = iterator
  }
}
