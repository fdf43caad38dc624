// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Measures one request while it passes, on its event loop.
struct RequestMeter {
  /// The status of an answer that the client did not wait for, as nginx has it.
  static let clientLeft = 499

  let path: String
  let start: NIODeadline
  private(set) var firstBody: NIODeadline?
  private(set) var usage: TokenUsage?
  private(set) var status = 0
  private(set) var isEventStream = false
  /// The end of the last piece, when that may be in the middle of an object.
  private var cut: ByteBuffer?

  init(path: String, start: NIODeadline = .now()) {
    self.path = path
    self.start = start
  }

  mutating func begin(status: Int, isEventStream: Bool) {
    self.status = status
    self.isEventStream = isEventStream
  }

  mutating func received(_ piece: ByteBuffer) {
    if isEventStream, firstBody == nil { firstBody = .now() }
    guard status == 200 else { return }
    var end = piece
    if var joined = cut {
      joined.writeBytes(piece.readableBytesView.prefix(TokenUsage.reach))
      take(TokenUsage(inAllOf: joined))
      if piece.readableBytes < TokenUsage.reach { end = joined }
    }
    // Else all of it has been looked at.
    if cut == nil || piece.readableBytes >= TokenUsage.reach { take(TokenUsage(in: piece)) }
    cut = Self.cut(end)
  }

  private mutating func take(_ found: TokenUsage?) {
    guard let found, !found.isOfTimings || usage?.isOfTimings != false else { return }
    usage = found
  }

  /// Engines send events as a whole, but two of them may be read together up to the middle of the second.
  private static func cut(_ piece: ByteBuffer) -> ByteBuffer? {
    let length = min(piece.readableBytes, TokenUsage.reach)
    guard length > 0, piece.readableBytesView.last != UInt8(ascii: "\n") else { return nil }
    return piece.getSlice(at: piece.writerIndex - length, length: length)
  }

  /// The answer did not come whole.
  mutating func breakOff(status: Int) { self.status = status }
}
