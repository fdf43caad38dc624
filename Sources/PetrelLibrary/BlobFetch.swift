// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry
import PetrelStore

/// Brings one blob from a source into the store, together with all others who want it: a large one in ranges
/// (``RangedFetch``), a small one in a single stream that resumes what an earlier attempt left, goes on after breaks,
/// and starts over when the bytes turn out to be wrong.
struct BlobFetch: Sendable {
  let source: any ArtifactSource
  let store: ModelStore
  let retryPolicy: RetryPolicy
  let reference: ModelReference
  let bearerToken: String?
  let blob: Descriptor
  let downloads: SharedDownloads
  /// Called with the bytes that are there.
  let progress: @Sendable (Int64) -> Void

  /// Throws ``RegistryError``, ``StoreError`` or `CancellationError`. What has arrived is kept.
  func run() async throws {
    try await downloads.fetch(blob.digest, for: reference, progress: progress) { [self] progress in
      // Before the store's turn, so that who waits for a connection holds up nobody who has one.
      try await downloads.budget.take()
      defer { downloads.budget.giveBack() }
      if blob.size >= downloads.limits.rangesFrom {
        try await inRanges(progress)
      } else {
        try await inOneStream(progress)
      }
    }
    progress(blob.size)
  }

  private func inRanges(_ progress: @escaping SharedDownloads.Progress) async throws {
    _ = try await store.withChunkedIngest(
      of: blob.digest, size: blob.size, chunkSize: downloads.limits.chunkSize
    ) { chunks in
      let fetch = RangedFetch(
        source: source, retryPolicy: retryPolicy, reference: reference, bearerToken: bearerToken, blob: blob,
        chunks: chunks, downloads: downloads, progress: progress)
      try await fetch.run()
    }
  }

  private func inOneStream(_ progress: @escaping SharedDownloads.Progress) async throws {
    do {
      try await attempt(progress)
    } catch let error as StoreError where error.code == .digestMismatch {
      // The bytes are gone. An old partial may have been bad from the start, so once more from zero.
      try await attempt(progress)
    }
  }

  private func attempt(_ progress: SharedDownloads.Progress) async throws {
    _ = try await store.withIngest(of: blob.digest, size: blob.size) { writer in
      try await receive(&writer, progress)
    }
  }

  private func receive(_ writer: inout BlobWriter, _ progress: SharedDownloads.Progress) async throws {
    var failures = 0
    var mayRestart = true
    progress(writer.offset)
    while true {
      let before = writer.offset
      do {
        try await stream(to: &writer, progress)
        return
      } catch let error as RegistryError {
        if error.code == .rangeNotSatisfiable, before > 0, mayRestart {
          mayRestart = false
          try await writer.restart()
          continue
        }
        // All is there; only the stream's end was bad.
        if writer.offset == blob.size { return }
        failures = writer.offset > before ? 1 : failures + 1
        guard let delay = retryPolicy.delay(afterFailures: failures, error: error) else { throw error }
        try await retryPolicy.sleep(delay)
      }
    }
  }

  /// One attempt, from where the writer stands.
  private func stream(to writer: inout BlobWriter, _ progress: SharedDownloads.Progress) async throws {
    let download = try await source.download(blob, of: reference, from: writer.offset, bearerToken: bearerToken)
    // A source that cannot begin in the middle sends again what is there; the digest covers both.
    var known = writer.offset - download.startOffset
    guard known >= 0 else {
      throw RegistryError(.invalidResponse, "blob \(blob.digest): the registry skips bytes")
    }
    for try await chunk in download.chunks {
      let skipped = min(known, Int64(chunk.readableBytes))
      known -= skipped
      try await writer.append(chunk.readableBytesView.dropFirst(Int(skipped)))
      progress(writer.offset)
    }
    try Task.checkCancellation()
    guard writer.offset == blob.size else {
      throw RegistryError(.truncated, "blob \(blob.digest) ended after \(writer.offset) of \(blob.size) bytes")
    }
  }
}
