// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Writes the response from a task. Each write waits until the bytes are with the kernel, so a slow client slows its
/// own task and nothing is buffered without bound.
package struct ResponseWriter: Sendable {
  private let exchange: NIOLoopBound<Exchange>
  package let eventLoop: any EventLoop

  init(_ exchange: Exchange) {
    eventLoop = exchange.eventLoop
    self.exchange = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
  }

  package func respond(_ response: SimpleResponse) async throws {
    try await onLoop { $0.respond(response) }
  }

  package func start(_ status: HTTPResponseStatus, headers: HTTPHeaders) async throws {
    try await onLoop { $0.start(status, headers: headers) }
  }

  /// - Throws: `ChannelError` when the client has gone.
  package func write(_ bytes: ByteBuffer) async throws {
    try await eventLoop.flatSubmit { [exchange, eventLoop] in
      let written = eventLoop.makePromise(of: Void.self)
      exchange.value.write(bytes)
      exchange.value.flush(promise: written)
      return written.futureResult
    }.get()
  }

  package func finish() async throws {
    try await onLoop { $0.finish() }
  }

  /// Closes the connection, so that the client sees the response as cut short.
  package func abort() async {
    try? await onLoop { $0.abort() }
  }

  package var hasStarted: Bool {
    get async { (try? await eventLoop.submit { [exchange] in exchange.value.hasStarted }.get()) ?? true }
  }

  private func onLoop(_ body: @escaping @Sendable (Exchange) -> Void) async throws {
    try await eventLoop.submit { [exchange] in body(exchange.value) }.get()
  }
}
