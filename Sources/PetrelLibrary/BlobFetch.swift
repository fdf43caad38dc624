// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry
import PetrelStore

/// Brings one blob from a source into the store: resumes what an earlier attempt left, goes on after breaks, starts
/// over when the bytes turn out to be wrong.
struct BlobFetch: Sendable {
  let source: any ArtifactSource
  let store: ModelStore
  let retryPolicy: RetryPolicy
  let reference: ModelReference
  let bearerToken: String?
  let blob: Descriptor
  /// Called with the bytes that are there.
  let progress: @Sendable (Int64) -> Void

  /// Throws ``RegistryError``, ``StoreError`` or `CancellationError`. What has arrived is kept.
  func run() async throws {
    do {
      try await attempt()
    } catch let error as StoreError where error.code == .digestMismatch {
      // The bytes are gone. An old partial may have been bad from the start, so once more from zero.
      try await attempt()
    }
    progress(blob.size)
  }

  private func attempt() async throws {
    _ = try await store.withIngest(of: blob.digest, size: blob.size) { writer in try await receive(&writer) }
  }

  private func receive(_ writer: inout BlobWriter) async throws {
    var failures = 0
    var mayRestart = true
    progress(writer.offset)
    while true {
      let before = writer.offset
      do {
        try await stream(to: &writer)
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
  private func stream(to writer: inout BlobWriter) async throws {
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
