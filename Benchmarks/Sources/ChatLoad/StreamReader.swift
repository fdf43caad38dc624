// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What one connection received.
struct StreamedAnswer: Sendable {
  /// From the usage that the engine sends last.
  var tokens: Int
  var bytes: Int
  var firstByte: NIODeadline
}

/// Reads a streamed answer to its end. Keeps no more of it than the last few events: looking at each one would make the
/// load generator the slowest part.
final class StreamReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private static let tailSize = 4096
  private static let end = "data: [DONE]"

  private let answer: EventLoopPromise<StreamedAnswer>
  private var head = ""
  private var tail = ByteBuffer()
  private var bytes = 0
  private var firstByte: NIODeadline?

  init(_ answer: EventLoopPromise<StreamedAnswer>) { self.answer = answer }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let received = unwrapInboundIn(data)
    if firstByte == nil {
      firstByte = .now()
      head = String(buffer: received)
    }
    bytes += received.readableBytes
    tail.writeImmutableBuffer(received)
    if tail.readableBytes > 2 * Self.tailSize {
      tail.moveReaderIndex(forwardBy: tail.readableBytes - Self.tailSize)
      tail.discardReadBytes()
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // The marker and the end of the chunk are the last bytes of the stream.
    let size = min(tail.readableBytes, 64)
    guard
      let last = tail.getString(at: tail.writerIndex - size, length: size), last.contains(Self.end),
      let firstByte
    else { return }
    guard head.hasPrefix("HTTP/1.1 200"), let tokens = completionTokens() else {
      return fail("unexpected answer: \(head.prefix(500))")
    }
    answer.succeed(StreamedAnswer(tokens: tokens, bytes: bytes, firstByte: firstByte))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { fail("the connection closed too early: \(head.prefix(500))") }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.fail(error)
    context.close(promise: nil)
  }

  private func fail(_ reason: String) { answer.fail(LoadError(description: reason)) }

  private func completionTokens() -> Int? {
    let text = String(buffer: tail)
    let parts = text.split(separator: #""completion_tokens":"#)
    guard parts.count > 1, let last = parts.last else { return nil }
    return Int(last.prefix { $0.isNumber })
  }
}
