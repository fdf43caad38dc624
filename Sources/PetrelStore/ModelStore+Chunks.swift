// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

extension ModelStore {
  /// Receives a large blob in chunks: `body` writes what is missing and sees to it that the bytes are the right ones;
  /// then the blob is put in place. While `body` runs, the chunks that come are hashed and flushed.
  ///
  /// One ingest of a digest runs at a time; one that waited for another and finds the blob there does not call `body`.
  /// What was received is kept when `body` throws, but for a ``StoreError`` `digestMismatch`: then it is removed.
  /// Throws what `body` throws, ``StoreError``, `CancellationError`.
  ///
  /// - Parameter chunkSize: bytes, for a blob that is begun anew; nil to choose by the blob's size.
  package func withChunkedIngest(
    of digest: Digest, size: Int64, chunkSize: Int64? = nil, _ body: (ChunkedBlob) async throws -> Void
  ) async throws -> IngestOutcome {
    try await turns.take(digest)
    defer { turns.yield(digest) }
    if try await onDisk({ [self] in contains(digest, size: size) }) { return .alreadyPresent }
    let files = try await onDisk { [layout] in
      try ChunkFiles(digest, ChunkLayout(size: size, chunkSize: chunkSize), in: layout)
    }
    defer { files.close() }
    let blob = try await onDisk { [self] in
      let blob = try ChunkedBlob(digest: digest, files: files, pool: blocks, probe: probe)
      try checkSpace(for: size - blob.received)
      return blob
    }
    do {
      try await following(blob, body)
    } catch let error as StoreError where error.code == .digestMismatch {
      try await onDisk { try files.remove() }
      throw error
    }
    guard try await blob.verdict() == .isWhole else {
      throw StoreError(.incomplete, "\(digest) ended after \(blob.received) of \(size) bytes")
    }
    try await onDisk { try files.finish() }
    return .written
  }

  private func following(_ blob: ChunkedBlob, _ body: (ChunkedBlob) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await blob.followAlong() }
      defer { blob.completed.finish() }
      do {
        try await body(blob)
      } catch {
        // What has come is flushed all the same.
        group.cancelAll()
        _ = try? await blob.checkpoint()
        throw error
      }
    }
  }
}
