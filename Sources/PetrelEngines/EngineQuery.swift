// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import SystemPackage

/// One GET to an engine on a Unix socket, with the whole answer. For the few things that the daemon itself asks.
struct EngineQuery: Sendable {
  private static let maximumAnswer = 16 * 1024 * 1024

  let socket: FilePath
  let group: any EventLoopGroup

  /// The body of a 200; nil for anything else, a silent engine included.
  func get(_ path: String, timeout: TimeAmount = .seconds(10)) async -> [UInt8]? {
    let loop = group.next()
    let answered = loop.makePromise(of: ByteBuffer?.self)
    let timer = loop.scheduleTask(in: timeout) { answered.succeed(nil) }
    let connected = ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            AnswerCollector(path: path, limit: Self.maximumAnswer, answered))
        }
      }
      .connect(unixDomainSocketPath: socket.string)
    connected.whenFailure { _ in answered.succeed(nil) }
    let answer = (try? await answered.futureResult.get()) ?? nil
    timer.cancel()
    connected.whenSuccess { $0.close(promise: nil) }
    return answer.flatMap(Self.body)
  }

  /// The engine was asked to close the connection, so the body ends with it, and may be chunked.
  private static func body(of answer: ByteBuffer) -> [UInt8]? {
    let bytes = Array(answer.readableBytesView)
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).lowercased()
    guard head.hasPrefix("http/1."), head.dropFirst(9).hasPrefix("200") else { return nil }
    let body = bytes[end.upperBound...]
    guard head.contains("\r\ntransfer-encoding: chunked") else { return Array(body) }
    return unchunked(body)
  }

  private static func unchunked(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var rest = bytes
    var body: [UInt8] = []
    while let newline = rest.firstIndex(of: 0x0A) {
      let line = String(decoding: rest[..<newline], as: UTF8.self)
      guard let size = Int(line.prefix { $0.isHexDigit }, radix: 16) else { return nil }
      rest = rest[(newline + 1)...]
      if size == 0 { return body }
      guard rest.count >= size else { return nil }
      body += rest.prefix(size)
      rest = rest.dropFirst(size + 2)
    }
    return nil
  }
}

private final class AnswerCollector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let path: String
  private let limit: Int
  private let answered: EventLoopPromise<ByteBuffer?>
  private var received = ByteBuffer()

  init(path: String, limit: Int, _ answered: EventLoopPromise<ByteBuffer?>) {
    self.path = path
    self.limit = limit
    self.answered = answered
  }

  func channelActive(context: ChannelHandlerContext) {
    let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received.writeImmutableBuffer(unwrapInboundIn(data))
    if received.readableBytes > limit {
      answered.succeed(nil)
      context.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) { answered.succeed(received) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answered.succeed(nil)
    context.close(promise: nil)
  }
}
