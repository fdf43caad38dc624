// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Answers each GET with a health report, after which the connection ends as the daemon wants it for these, and any other
/// request with the same completion, or with a stream when it asks for one, over a connection that stays open.
final class FixedAnswers: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let health = answer(#"{"status":"ok"}"#)
  /// About 290 bytes of JSON, as a short chat completion has.
  private static let completion = answer(
    #"{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"Blue whales are big."}}],"#
      + #""created":1763719200,"model":"bench/stub","object":"chat.completion","id":"chatcmpl-benchmarkbenchmark00","#
      + #""usage":{"completion_tokens":7,"prompt_tokens":13,"total_tokens":20}}"#)

  private var unread = ByteBuffer()

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if unread.readableBytes > 0 {
      unread.writeBuffer(&bytes)
      bytes = unread
      unread = ByteBuffer()
    }
    while let size = bytes.withUnsafeReadableBytes(RequestScanner.sizeOfFirstRequest) {
      let isGet = bytes.getInteger(at: bytes.readerIndex) == UInt8(ascii: "G")
      if !isGet, let stream = bytes.getSlice(at: bytes.readerIndex, length: size).flatMap(StreamOrder.init) {
        StreamedAnswer(stream, context).begin()
      } else {
        context.write(wrapOutboundOut(isGet ? Self.health : Self.completion), promise: nil)
        if isGet {
          context.flush()
          context.close(promise: nil)
          return
        }
      }
      bytes.moveReaderIndex(forwardBy: size)
    }
    if bytes.readableBytes > 0 { unread = bytes }
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private static func answer(_ body: String) -> ByteBuffer {
    ByteBuffer(
      string: "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }
}
