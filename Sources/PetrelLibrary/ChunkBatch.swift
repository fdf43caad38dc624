// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Collects what comes over a connection until it is worth a write.
struct ChunkBatch {
  private static let size = 1024 * 1024
  /// So that a slow connection's progress is seen.
  private static let longest = Duration.milliseconds(200)

  private var pieces: [ByteBufferView] = []
  private var count = 0
  private var since = ContinuousClock.now
  /// Where in the blob the next byte belongs.
  private(set) var end: Int64

  init(at offset: Int64) { end = offset }

  var isDue: Bool { count >= Self.size || (count > 0 && ContinuousClock.now - since >= Self.longest) }

  /// - Parameter limit: what lies beyond it in the blob is left out.
  mutating func append(_ buffer: ByteBuffer, upTo limit: Int64) {
    let piece = buffer.readableBytesView.prefix(Int(max(0, limit - end)))
    guard !piece.isEmpty else { return }
    pieces.append(piece)
    count += piece.count
    end += Int64(piece.count)
  }

  /// What was collected, and where in the blob it begins.
  mutating func take() -> (pieces: [ByteBufferView], offset: Int64) {
    defer {
      pieces = []
      count = 0
      since = .now
    }
    return (pieces, end - Int64(count))
  }
}
