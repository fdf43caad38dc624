// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PetrelHTTP
import PetrelTestSupport

/// Serves what a closure chooses.
struct ClosureResponder: Responder {
  let routes: @Sendable (RequestHead) -> Route

  func route(_ head: RequestHead) -> Route { routes(head) }

  func refusal(_ status: HTTPResponseStatus, _ message: String, path: String) -> SimpleResponse {
    SimpleResponse(status: status, contentType: "text/plain", text: "refused: \(message)\n")
  }

  func failure(_ error: any Error, head: RequestHead) -> SimpleResponse? {
    error is CancellationError
      ? nil : SimpleResponse(status: .internalServerError, contentType: "text/plain", text: "failed: \(error)\n")
  }
}

extension Route {
  /// Answers with the method, the path and the body.
  static func echo(limit: Int = 1024 * 1024) -> Route {
    .onLoop(bodyLimit: limit) { head, body, exchange in
      exchange.respond(
        SimpleResponse(contentType: "text/plain", text: "[\(head.method) \(head.path) \(String(buffer: body))]"))
    }
  }

  static func task(_ answer: @escaping @Sendable (ResponseWriter) async throws -> Void) -> Route {
    .task(bodyLimit: 1024) { _, _, writer in try await answer(writer) }
  }
}

/// A listener on a free loopback port, closed when the test ends.
func withServer<Result>(
  limits: ConnectionLimits = ConnectionLimits(), _ routes: @escaping @Sendable (RequestHead) -> Route,
  _ body: (HTTPListener, Int) async throws -> Result
) async throws -> Result {
  let listener = try await HTTPListener.bind(
    .tcp(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton,
    responder: ClosureResponder(routes: routes), limits: limits, logger: quietLogger)
  guard case .tcp(_, let port) = listener.address else { throw DeadlinePassed("no port") }
  do {
    let result = try await body(listener, port)
    await stop(listener)
    return result
  } catch {
    await stop(listener)
    throw error
  }
}

/// What one connection answers to bytes; it must end by itself.
func exchange(
  _ request: String, with routes: @escaping @Sendable (RequestHead) -> Route = { _ in .echo() }
) async throws -> String {
  try await withServer(routes) { _, port in
    let client = try await RawClient.connect(port: port)
    // The server may have closed before the last byte was sent.
    try? await client.send(request)
    return try await client.receiveAll()
  }
}

func stop(_ listener: HTTPListener) async {
  async let drained: Void = listener.drain()
  await listener.close()
  await drained
}

let quietLogger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
