// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Tells how far an upload is; never goes back.
final class UploadProgress: Sendable {
  private let report: @Sendable (Int64) -> Void
  private let furthest = Mutex<Int64>(0)

  init(_ report: @escaping @Sendable (Int64) -> Void) { self.report = report }

  func reach(_ offset: Int64) {
    let isNews = furthest.withLock { furthest in
      guard offset > furthest else { return false }
      furthest = offset
      return true
    }
    if isNews { report(offset) }
  }
}

/// Counts the bytes of one request and notices when it stands still.
final class UploadMeter: Sendable {
  private struct State {
    var sent: Int64 = 0
    var lastActivity = ContinuousClock.now
    /// What kept the content from being read.
    var failure: (any Error)?
  }

  private let size: Int64
  private let state = Mutex(State())

  /// - Parameter size: the bytes that the request carries.
  init(size: Int64) { self.size = size }

  var failure: (any Error)? { state.withLock { $0.failure } }

  func sent(_ bytes: Int) {
    state.withLock { state in
      state.sent += Int64(bytes)
      state.lastActivity = .now
    }
  }

  func failed(_ error: any Error) {
    state.withLock { $0.failure = error }
  }

  /// Returns, with the error to report, once nothing has moved for too long.
  ///
  /// - Parameters:
  ///   - stallTimeout: while bytes remain to be sent.
  ///   - answerTimeout: after the last byte.
  func stall(after stallTimeout: Duration, _ answerTimeout: Duration) async throws -> RegistryError {
    while true {
      let (sent, lastActivity) = state.withLock { ($0.sent, $0.lastActivity) }
      let limit = sent < size ? stallTimeout : answerTimeout
      let deadline = lastActivity + limit
      if deadline <= .now {
        return RegistryError(.stalled, "the upload stands still: \(sent) of \(size) bytes have been taken")
      }
      // Awake often enough to see a change of the limit.
      try await Task.sleep(until: min(deadline, .now + stallTimeout / 4), clock: .continuous)
    }
  }
}

/// A part of a blob as the body of a request.
struct UploadBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  fileprivate static let pieceSize = 256 * 1024

  let content: any BlobContent
  let range: Range<Int64>
  /// Of the whole blob.
  let blobSize: Int64
  let meter: UploadMeter
  let progress: UploadProgress

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self, offset: range.lowerBound) }

  struct AsyncIterator: AsyncIteratorProtocol {
    let body: UploadBody
    var offset: Int64

    mutating func next() async throws -> ByteBuffer? {
      // What was asked for before has been taken.
      body.progress.reach(offset)
      guard offset < body.range.upperBound else { return nil }
      do {
        let limit = Int(Swift.min(Int64(UploadBody.pieceSize), body.range.upperBound - offset))
        let piece = try await body.content.read(from: offset, upTo: limit)
        guard piece.readableBytes > 0 else { throw wrongSize("only \(offset) bytes") }
        offset += Int64(piece.readableBytes)
        if offset == body.blobSize {
          let more = try await body.content.read(from: offset, upTo: 1)
          guard more.readableBytes == 0 else { throw wrongSize("more bytes") }
          try await body.content.verify()
        }
        body.meter.sent(piece.readableBytes)
        return piece
      } catch {
        body.meter.failed(error)
        throw error
      }
    }

    private func wrongSize(_ found: String) -> RegistryError {
      RegistryError(.digestMismatch, "the blob to upload has \(found) instead of \(body.blobSize)")
    }
  }
}
