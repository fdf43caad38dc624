// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A stand-in for the daemon: answers each request as a test says, and keeps what it was asked.
package final class StubDaemon: Sendable {
  package struct Request: Sendable {
    package let method: String
    /// With the query.
    package let uri: String
    package let headers: HTTPHeaders
    package let body: String
  }

  package struct Response: Sendable {
    package enum Ending: Sendable {
      case complete
      /// The connection closes in the middle.
      case cutOff
      /// Nothing more comes until the client leaves.
      case hanging
    }

    package var status: Int
    package var headers: [(String, String)]
    package var chunks: [String]
    package var ending: Ending

    package init(
      _ status: Int, type: String = "text/plain", headers: [(String, String)] = [], chunks: [String],
      ending: Ending = .complete
    ) {
      self.status = status
      self.headers = [("Content-Type", type)] + headers
      self.chunks = chunks
      self.ending = ending
    }

    package static func json(_ body: String, status: Int = 200) -> Response {
      Response(status, type: "application/json", chunks: [body])
    }
  }

  private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>

  private struct State {
    var requests: [Request] = []
    var clientsLost = 0
  }

  /// What to put into `MODEL_RUNNER_HOST`.
  package let address: String
  private let state = Mutex(State())

  private init(address: String) { self.address = address }

  package var requests: [Request] { state.withLock(\.requests) }

  /// How many clients left a hanging response.
  package var clientsLost: Int { state.withLock(\.clientsLost) }

  /// Serves on a free loopback port, or on a Unix socket, while `body` runs.
  package static func serving<Value: Sendable>(
    socketPath: String? = nil, _ respond: @escaping @Sendable (Request) -> Response,
    _ body: (StubDaemon) async throws -> Value
  ) async throws -> Value {
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    let server: NIOAsyncChannel<Connection, Never>
    if let socketPath {
      server = try await bootstrap.bind(unixDomainSocketPath: socketPath, childChannelInitializer: wrap)
    } else {
      server = try await bootstrap.bind(host: "127.0.0.1", port: 0, childChannelInitializer: wrap)
    }
    let port = server.channel.localAddress?.port ?? 0
    let stub = StubDaemon(address: socketPath.map { "unix://" + $0 } ?? "http://127.0.0.1:\(port)")
    let running = Task {
      try await server.executeThenClose { connections in
        try await withThrowingDiscardingTaskGroup { group in
          for try await connection in connections {
            // A connection that breaks ends alone.
            group.addTask { try? await stub.serve(connection, respond) }
          }
        }
      }
    }
    do {
      let value = try await body(stub)
      running.cancel()
      _ = await running.result
      return value
    } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
  }

  private static let wrap: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
      return try Connection(wrappingChannelSynchronously: channel)
    }
  }

  private func serve(_ connection: Connection, _ respond: @Sendable (Request) -> Response) async throws {
    try await connection.executeThenClose { inbound, outbound in
      var head: HTTPRequestHead?
      var body = ByteBuffer()
      var parts = inbound.makeAsyncIterator()
      while let part = try await parts.next() {
        switch part {
        case .head(let newHead):
          head = newHead
          body = ByteBuffer()
        case .body(let chunk):
          body.writeImmutableBuffer(chunk)
        case .end:
          guard let head else { return }
          let request = Request(
            method: head.method.rawValue, uri: head.uri, headers: head.headers, body: String(buffer: body))
          state.withLock { $0.requests.append(request) }
          let response = respond(request)
          for piece in Self.pieces(of: response) { try await outbound.write(ByteBuffer(string: piece)) }
          switch response.ending {
          case .complete: break
          case .cutOff: return
          case .hanging:
            // A reset counts like an orderly end.
            _ = try? await parts.next()
            state.withLock { $0.clientsLost += 1 }
            return
          }
        }
      }
    }
  }

  /// The response in HTTP/1.1's chunked form.
  private static func pieces(of response: Response) -> [String] {
    let headers = (response.headers + [("Transfer-Encoding", "chunked")]).map { "\($0): \($1)\r\n" }.joined()
    let chunks = response.chunks.filter { !$0.isEmpty }.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }
    return ["HTTP/1.1 \(response.status) Test\r\n\(headers)\r\n"] + chunks
      + (response.ending == .complete ? ["0\r\n\r\n"] : [])
  }
}
