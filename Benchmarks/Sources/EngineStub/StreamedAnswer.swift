// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What a request wants of a stream: `"stub_chunks"` events, `"stub_interval_us"` microseconds apart.
struct StreamOrder {
  let chunks: Int
  let interval: TimeAmount

  /// Orders are short; to look for one in a long request would take longer than to answer it.
  private static let longest = 4096

  /// Nil when the request asks for no stream.
  init?(_ request: ByteBuffer) {
    guard request.readableBytes <= Self.longest, let chunks = Self.number("\"stub_chunks\":", in: request) else {
      return nil
    }
    self.chunks = chunks
    interval = .microseconds(Int64(Self.number("\"stub_interval_us\":", in: request) ?? 0))
  }

  private static func number(_ name: String, in request: ByteBuffer) -> Int? {
    let bytes = request.readableBytesView
    guard let found = bytes.firstRange(of: Array(name.utf8)) else { return nil }
    return Int(String(decoding: bytes[found.upperBound...].prefix { (0x30...0x39).contains($0) }, as: UTF8.self))
  }
}

/// Sends one event after the other, each as a chunk and with a write of its own, as llama-server does.
final class StreamedAnswer {
  private static let head = ByteBuffer(
    string: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
  private static let chunk = chunk(
    "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\" whale\"}}],\"created\":1763719200,"
      + "\"id\":\"chatcmpl-benchmarkbenchmarkbenchmark0\",\"model\":\"bench/stub\",\"system_fingerprint\":\"b1-0c1e570\","
      + "\"object\":\"chat.completion.chunk\"}\n\n")
  private static let end = ByteBuffer(string: "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

  private let order: StreamOrder
  private let context: ChannelHandlerContext
  private var sent = 0

  init(_ order: StreamOrder, _ context: ChannelHandlerContext) {
    self.order = order
    self.context = context
  }

  func begin() {
    context.write(NIOAny(Self.head), promise: nil)
    sendNext()
  }

  private func sendNext() {
    guard context.channel.isActive else { return }
    guard sent < order.chunks else {
      context.writeAndFlush(NIOAny(Self.end), promise: nil)
      return
    }
    sent += 1
    context.writeAndFlush(NIOAny(Self.chunk), promise: nil)
    context.eventLoop.assumeIsolated().scheduleTask(in: order.interval) { self.sendNext() }
  }

  private static func chunk(_ text: String) -> ByteBuffer {
    ByteBuffer(string: String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n")
  }
}
