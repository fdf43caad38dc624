// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PetrelOCI
import PetrelRegistry
import PetrelStore

/// Finds the wrong bytes of a blob that is complete but has another digest: fetches it anew, chunk by chunk over fresh
/// connections, and replaces what differs, until the whole is right. Nothing that was received is thrown away before.
struct BlobRepair: Sendable {
  /// After so many replaced chunks the whole is looked at only once more, at the end.
  private static let looks = 8

  let source: any ArtifactSource
  let retryPolicy: RetryPolicy
  let reference: ModelReference
  let bearerToken: String?
  let blob: Descriptor
  let chunks: ChunkedBlob
  let route: BlobRoute
  let logger: Logger

  /// Throws ``StoreError`` (`digestMismatch`) when one round does not help.
  func run() async throws {
    if try await chunks.verdict() == .isWhole { return }
    logger.warning("a blob has the wrong digest; its chunks are compared", metadata: ["blob": "\(blob.digest)"])
    var next = 0
    var replaced = 0
    while next < chunks.layout.count {
      let first = next
      try await retryPolicy.withRetries {
        try await compare(from: max(first, next)) { chunk, bytes in
          next = chunk + 1
          guard try await chunks.replace(chunk, with: bytes) else { return true }
          replaced += 1
          logger.warning(
            "a chunk was wrong and is replaced", metadata: ["blob": "\(blob.digest)", "chunk": "\(chunk)"])
          guard replaced <= Self.looks, try await chunks.verdict() == .isWhole else { return true }
          next = chunks.layout.count
          return false
        }
      }
    }
    guard case .differs(let actual) = try await chunks.verdict() else { return }
    throw StoreError(
      .digestMismatch,
      "blob digest mismatch for \"\(blob.digest)\": expected \(blob.digest), got \(actual); the registry sends the "
        + "wrong bytes, they were removed (try again later, or ask whoever published the model)")
  }

  /// Fetches one chunk; or from a source without ranges all of them, those before `first` left out.
  ///
  /// - Parameter use: returns false when no more are wanted.
  private func compare(from first: Int, _ use: (Int, [UInt8]) async throws -> Bool) async throws {
    let asked = chunks.layout.range(of: first)
    let download = try await source.download(
      asked, of: blob, in: reference, via: route, isFresh: true, bearerToken: bearerToken)
    let end = download.isPartial ? min(asked.upperBound, download.range.upperBound) : blob.size
    var bytes: [UInt8] = []
    var position = download.range.lowerBound
    for try await buffer in download.chunks {
      var view = buffer.readableBytesView.prefix(Int(max(0, end - position)))
      while let range = rangeOfChunk(at: position), !view.isEmpty {
        let part = view.prefix(Int(range.upperBound - position))
        view = view.dropFirst(part.count)
        position += Int64(part.count)
        guard range.lowerBound >= asked.lowerBound else { continue }
        bytes.append(contentsOf: part)
        guard position == range.upperBound else { continue }
        guard try await use(chunks.layout.chunk(at: range.lowerBound), bytes) else { return }
        bytes.removeAll(keepingCapacity: true)
      }
      guard position >= end else { continue }
      guard end >= min(asked.upperBound, blob.size) else { break }
      return
    }
    try Task.checkCancellation()
    throw RegistryError(.truncated, "blob \(blob.digest) ended after \(position) of \(asked.upperBound) bytes")
  }

  private func rangeOfChunk(at offset: Int64) -> Range<Int64>? {
    offset < blob.size ? chunks.layout.range(of: chunks.layout.chunk(at: offset)) : nil
  }
}
