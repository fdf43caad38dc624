// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// An HTTP/1.1 server on a free loopback port, made of async code.
struct FakeServer: Sendable {
  private typealias ResponsePart = HTTPPart<HTTPResponseHead, ByteBuffer>
  private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, ResponsePart>

  /// Answers one request; its body is complete.
  typealias Handler = @Sendable (HTTPRequestHead, ByteBuffer) async -> FakeResponse
  /// Says of a request whether it is taken as a whole.
  typealias Intake = @Sendable (HTTPRequestHead) -> RequestLimit?

  /// Where a request is cut short.
  struct RequestLimit: Sendable {
    /// Of the body.
    let bytes: Int
    /// Whether the rest is left unread until the gate opens, before the connection is closed.
    let stalls: Bool
    /// Gets what came of the body.
    let take: @Sendable (ByteBuffer) -> Void
  }

  let port: Int
  let gate: Gate
  private let running: Task<Void, any Error>

  /// - Parameter tls: to speak TLS with.
  static func start(
    tls: NIOSSLContext? = nil, intake: @escaping Intake = { _ in nil }, _ handler: @escaping Handler
  ) async throws -> FakeServer {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(ResponseEncoder())
          return try Connection(wrappingChannelSynchronously: channel)
        }
      }
    let gate = Gate()
    let running = Task {
      try await server.executeThenClose { connections in
        try await withThrowingDiscardingTaskGroup { group in
          for try await connection in connections {
            // A connection that breaks, as many do here, ends alone.
            group.addTask { try? await serve(connection, intake, handler, gate) }
          }
        }
      }
    }
    return FakeServer(port: server.channel.localAddress?.port ?? 0, gate: gate, running: running)
  }

  func shutdown() async {
    running.cancel()
    _ = await running.result
  }

  private static func serve(
    _ connection: Connection, _ intake: Intake, _ handler: Handler, _ gate: Gate
  ) async throws {
    try await connection.executeThenClose { inbound, outbound in
      var head: HTTPRequestHead?
      var limit: RequestLimit?
      var body = ByteBuffer()
      for try await part in inbound {
        switch part {
        case .head(let newHead):
          head = newHead
          body = ByteBuffer()
          limit = intake(newHead)
        case .body(let chunk):
          body.writeImmutableBuffer(chunk)
          guard let limit, body.readableBytes >= limit.bytes else { continue }
          limit.take(body.getSlice(at: body.readerIndex, length: limit.bytes) ?? body)
          if limit.stalls { await gate.wait() }
          return
        case .end:
          guard let head else { return }
          guard try await send(await handler(head, body), outbound, gate) else { return }
        }
      }
    }
  }

  /// False when the connection is to be closed.
  private static func send(
    _ response: FakeResponse, _ outbound: NIOAsyncChannelOutboundWriter<ResponsePart>, _ gate: Gate
  ) async throws -> Bool {
    var headers = response.headers
    if response.status != .noContent, !headers.contains(name: "Content-Length") {
      headers.add(name: "Content-Length", value: String(response.body.readableBytes))
    }
    try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)))
    guard !response.isHeadOnly else {
      try await outbound.write(.end(nil))
      return true
    }
    var body = response.body
    var sent = 0
    while body.readableBytes > 0 || response.stallsAfter == sent || response.closesAfter == sent {
      if response.closesAfter == sent { return false }
      if response.stallsAfter == sent { await gate.wait() }
      let stops = [response.closesAfter, response.stallsAfter].compactMap { $0 }.filter { $0 > sent }
      let length = min(body.readableBytes, 256 * 1024, (stops.min() ?? .max) - sent)
      guard let chunk = body.readSlice(length: length), length > 0 else { break }
      try await outbound.write(.body(chunk))
      sent += length
    }
    try await outbound.write(.end(nil))
    return true
  }
}

/// `IOData`, which NIO's encoder wants, may hold a file and so is not Sendable.
private final class ResponseEncoder: ChannelOutboundHandler, Sendable {
  typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
  typealias OutboundOut = HTTPServerResponsePart

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part: HTTPServerResponsePart =
      switch unwrapOutboundIn(data) {
      case .head(let head): .head(head)
      case .body(let buffer): .body(.byteBuffer(buffer))
      case .end(let trailers): .end(trailers)
      }
    context.write(wrapOutboundOut(part), promise: promise)
  }
}
