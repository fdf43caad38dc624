// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Counts the bytes of an upload and notices when it stands still.
final class UploadMeter: Sendable {
  private let size: Int64
  private let progress: @Sendable (Int64) -> Void
  private let state = Mutex((sent: Int64(0), lastActivity: ContinuousClock.now))

  init(size: Int64, progress: @escaping @Sendable (Int64) -> Void) {
    self.size = size
    self.progress = progress
  }

  func sent(_ bytes: Int) {
    let sent = state.withLock { state in
      state.sent += Int64(bytes)
      state.lastActivity = .now
      return state.sent
    }
    progress(sent)
  }

  /// Throws when the content turned out to be shorter than announced.
  func ended() throws(RegistryError) {
    let sent = state.withLock { $0.sent }
    guard sent == size else {
      throw RegistryError(.digestMismatch, "the blob to upload has \(sent) bytes instead of \(size)")
    }
  }

  /// Returns, with the error to report, once nothing has moved for too long.
  ///
  /// - Parameters:
  ///   - stallTimeout: while bytes remain to be sent.
  ///   - commitTimeout: after the last byte.
  func stall(after stallTimeout: Duration, _ commitTimeout: Duration) async throws -> RegistryError {
    while true {
      let (sent, lastActivity) = state.withLock { $0 }
      let limit = sent < size ? stallTimeout : commitTimeout
      let deadline = lastActivity + limit
      if deadline <= .now {
        return RegistryError(.stalled, "the upload stands still at \(sent) of \(size) bytes")
      }
      // Awake often enough to see a change of the limit.
      try await Task.sleep(until: min(deadline, .now + stallTimeout / 4), clock: .continuous)
    }
  }
}

/// A request body that reports to a meter.
struct MeteredBody<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable where Base.Element == ByteBuffer {
  typealias Element = ByteBuffer

  let base: Base
  let meter: UploadMeter

  func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(base: base.makeAsyncIterator(), meter: meter)
  }

  struct AsyncIterator: AsyncIteratorProtocol {
    var base: Base.AsyncIterator
    let meter: UploadMeter

    mutating func next() async throws -> ByteBuffer? {
      guard let chunk = try await base.next() else {
        try meter.ended()
        return nil
      }
      meter.sent(chunk.readableBytes)
      return chunk
    }
  }
}
