// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix

/// The server behind a ``FaultProxy``. One connection for each request.
struct UpstreamServer: Sendable {
  private typealias RequestPart = HTTPPart<HTTPRequestHead, ByteBuffer>
  private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, RequestPart>

  private let host: String
  private let port: Int

  /// - Parameter authority: host and port.
  init(_ authority: String) throws {
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
    let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(RequestEncoder())
          return try Connection(wrappingChannelSynchronously: channel)
        }
      }
    return try await connection.executeThenClose { inbound, outbound in
      try await outbound.write(.head(head))
      if body.readableBytes > 0 { try await outbound.write(.body(body)) }
      try await outbound.write(.end(nil))
      var response = FakeResponse(.badGateway)
      for try await part in inbound {
        switch part {
        case .head(let head):
          response = FakeResponse(head.status, headers: head.headers)
          response.headers.remove(name: "Connection")
          response.headers.remove(name: "Transfer-Encoding")
        case .body(let chunk): response.body.writeImmutableBuffer(chunk)
        case .end:
          response.isHeadOnly = head.method == .HEAD
          return response
        }
      }
      throw ChannelError.eof
    }
  }
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
