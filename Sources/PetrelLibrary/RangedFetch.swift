// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PetrelOCI
import PetrelRegistry
import PetrelStore

/// Brings a large blob in ranges over several connections, or in a single stream from a source that has no ranges.
///
/// The first answer tells whether there are ranges. Then chunks are handed out in order. What breaks is asked for again
/// from where it broke, after a pause that grows as long as nothing comes at all.
struct RangedFetch: Sendable {
  let source: any ArtifactSource
  let retryPolicy: RetryPolicy
  let reference: ModelReference
  let bearerToken: String?
  let blob: Descriptor
  let chunks: ChunkedBlob
  let downloads: SharedDownloads
  /// Called with the bytes that are there.
  let progress: SharedDownloads.Progress

  private let support = RangeSupport()
  private let route = BlobRoute()

  init(
    source: any ArtifactSource, retryPolicy: RetryPolicy, reference: ModelReference, bearerToken: String?,
    blob: Descriptor, chunks: ChunkedBlob, downloads: SharedDownloads, progress: @escaping SharedDownloads.Progress
  ) {
    self.source = source
    self.retryPolicy = retryPolicy
    self.reference = reference
    self.bearerToken = bearerToken
    self.blob = blob
    self.chunks = chunks
    self.downloads = downloads
    self.progress = progress
  }

  /// Returns when the blob is whole. One connection of the budget must be held already.
  ///
  /// Throws ``RegistryError``, ``StoreError`` or `CancellationError`. What has arrived is kept, unless the bytes are
  /// wrong and the source has no better ones (`digestMismatch`).
  func run() async throws {
    try await fetchUntilComplete()
    guard case .differs = try await chunks.verdict() else { return }
    let changed = try await chunks.dropChanged()
    if !changed.isEmpty {
      note("chunks changed on the disk", ["count": "\(changed.count)"])
      try await fetchUntilComplete()
    }
    try await BlobRepair(
      source: source, retryPolicy: retryPolicy, reference: reference, bearerToken: bearerToken, blob: blob,
      chunks: chunks, route: route, logger: downloads.logger
    ).run()
  }

  /// Fetches what is missing, and again what turns out to have changed since an earlier session.
  private func fetchUntilComplete() async throws {
    progress(chunks.received)
    repeat {
      try Task.checkCancellation()
      try await fetchMissing()
    } while try await chunks.verdict() == .incomplete
  }

  private enum Event: Sendable {
    /// The head of an answer was fine: there may be more connections.
    case answered
    case ended(ActiveSpan, (any Error)?)
    /// A pause is over.
    case resumed
    /// It is time to look for slow connections.
    case tick
  }

  private func fetchMissing() async throws {
    let (events, send) = AsyncStream.makeStream(of: Event.self)
    var state = RangedFetchState(limits: downloads.limits, retryPolicy: retryPolicy, received: chunks.received)
    var held = 1
    defer { downloads.budget.giveBack(held - 1) }
    try await withThrowingDiscardingTaskGroup { group in
      defer { group.cancelAll() }
      var iterator = events.makeAsyncIterator()
      while true {
        while let range = state.next(chunks, support.kind) {
          guard state.active.isEmpty || downloads.budget.takeAnother() else { break }
          let span = ActiveSpan(range, receivedBefore: chunks.received, isOfTwo: state.isFast)
          state.active.append(span)
          held = state.active.count
          group.addTask { await bring(span, send) }
        }
        if state.active.isEmpty, !state.isPaused { return }
        if state.wantsTick(received: chunks.received) {
          group.addTask { [interval = downloads.limits.slowAfter / 4] in
            try? await Task.sleep(for: interval)
            send.yield(.tick)
          }
        }
        guard let event = await iterator.next() else { throw CancellationError() }
        switch event {
        case .answered: break
        case .resumed: state.isPaused = false
        case .tick: state.tick(received: chunks.received)
        case .ended(let span, let error):
          state.active.removeAll { $0 === span }
          downloads.budget.giveBack(held - max(1, state.active.count))
          held = max(1, state.active.count)
          guard let error else { state.succeeded(span, received: chunks.received); break }
          try Task.checkCancellation()
          guard let pause = try state.pause(after: error, isCut: span.isCut, received: chunks.received) else { break }
          note("a range is asked for again", ["error": "\(error)"])
          group.addTask {
            try? await retryPolicy.sleep(pause)
            send.yield(.resumed)
          }
        }
      }
    }
  }

  private func bring(_ span: ActiveSpan, _ send: AsyncStream<Event>.Continuation) async {
    do {
      try await span.run { try await stream(span) { send.yield(.answered) } }
      send.yield(.ended(span, nil))
    } catch {
      send.yield(.ended(span, error))
    }
  }

  /// One attempt at a span.
  private func stream(_ span: ActiveSpan, onAnswer: () -> Void) async throws {
    let download = try await source.download(
      span.range, of: blob, in: reference, via: route, isFresh: false, bearerToken: bearerToken)
    try support.check(download)
    onAnswer()
    var batch = ChunkBatch(at: download.range.lowerBound)
    let end = download.isPartial ? min(span.range.upperBound, download.range.upperBound) : blob.size
    do {
      for try await buffer in download.chunks {
        span.add(buffer.readableBytes)
        batch.append(buffer, upTo: end)
        if batch.isDue { try await write(&batch) }
        if batch.end >= end { break }
      }
    } catch {
      try await write(&batch)
      throw error
    }
    try await write(&batch)
    try Task.checkCancellation()
    guard batch.end >= end else {
      throw RegistryError(.truncated, "blob \(blob.digest) ended after \(batch.end) of \(end) bytes")
    }
  }

  private func write(_ batch: inout ChunkBatch) async throws {
    let (pieces, offset) = batch.take()
    guard !pieces.isEmpty else { return }
    try await chunks.write(pieces, at: offset)
    progress(chunks.received)
  }

  private func note(_ message: Logger.Message, _ metadata: Logger.Metadata) {
    downloads.logger.info(
      message, metadata: metadata.merging(["blob": "\(blob.digest)"]) { old, _ in old })
  }
}
