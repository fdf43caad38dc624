// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// The server behind a ``FaultProxy``. One connection for each request.
struct UpstreamServer: Sendable {
  private typealias RequestPart = HTTPPart<HTTPRequestHead, ByteBuffer>

  private let host: String
  private let port: Int
  private let tls: NIOSSLContext?

  /// - Parameters:
  ///   - authority: host and port.
  ///   - usesTLS: with whatever certificate.
  init(_ authority: String, usesTLS: Bool) throws {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    tls = usesTLS ? try NIOSSLContext(configuration: configuration) : nil
    let parts = authority.split(separator: ":")
    guard parts.count == 2, let port = Int(parts[1]) else { throw DeadlinePassed("\(authority) is no host and port") }
    host = String(parts[0])
    self.port = port
  }

  /// The whole answer; 502 when there is none.
  func send(_ head: HTTPRequestHead, _ body: ByteBuffer) async -> FakeResponse {
    var head = head
    head.headers.replaceOrAdd(name: "Connection", value: "close")
    head.headers.remove(name: "Transfer-Encoding")
    head.headers.replaceOrAdd(name: "Content-Length", value: String(body.readableBytes))
    do {
      return try await exchange(head, body)
    } catch {
      return FakeResponse(.badGateway)
    }
  }

  private func exchange(_ head: HTTPRequestHead, _ body: ByteBuffer) async throws -> FakeResponse {
    let collector = ResponseCollector()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { [tls] channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil))
          }
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandlers([RequestEncoder(), collector])
        }
      }
      .connect(host: host, port: port).get()
    channel.write(RequestPart.head(head), promise: nil)
    if body.readableBytes > 0 { channel.write(RequestPart.body(body), promise: nil) }
    channel.writeAndFlush(RequestPart.end(nil), promise: nil)
    try await channel.closeFuture.get()
    guard var response = collector.response else { throw ChannelError.eof }
    response.isHeadOnly = head.method == .HEAD
    return response
  }
}

/// Keeps the whole answer, and closes the connection when it is there.
private final class ResponseCollector: ChannelInboundHandler, Sendable {
  typealias InboundIn = HTTPClientResponsePart

  private struct State {
    var partial: FakeResponse?
    var complete: FakeResponse?
  }

  private let state = Mutex(State())

  /// Nil until all of it has come.
  var response: FakeResponse? { state.withLock { $0.complete } }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      var response = FakeResponse(head.status, headers: head.headers)
      response.headers.remove(name: "Connection")
      response.headers.remove(name: "Transfer-Encoding")
      state.withLock { $0.partial = response }
    case .body(let chunk):
      state.withLock { _ = $0.partial?.body.writeImmutableBuffer(chunk) }
    case .end:
      state.withLock { $0.complete = $0.partial }
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// `IOData`, which NIO's encoder wants, may hold a file and so is not Sendable.
private final class RequestEncoder: ChannelOutboundHandler, Sendable {
  typealias OutboundIn = HTTPPart<HTTPRequestHead, ByteBuffer>
  typealias OutboundOut = HTTPClientRequestPart

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part: HTTPClientRequestPart =
      switch unwrapOutboundIn(data) {
      case .head(let head): .head(head)
      case .body(let buffer): .body(.byteBuffer(buffer))
      case .end(let trailers): .end(trailers)
      }
    context.write(wrapOutboundOut(part), promise: promise)
  }
}
