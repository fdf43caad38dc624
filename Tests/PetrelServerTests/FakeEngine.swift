// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SystemPackage

/// An engine on a Unix socket in this process: a closure answers each request with raw bytes.
struct FakeEngine: Sendable {
  struct Request: Sendable {
    var head: String
    var body: String
    /// Counts from 1, in the order of connecting.
    var connection: Int
  }
  /// Runs on the connection's event loop.
  typealias Script = @Sendable (Request, any Channel) -> Void

  private struct State {
    var requests: [Request] = []
    var connections = 0
    var open = 0
  }

  private let channel: any Channel
  private let state: NIOLockedValueBox<State>

  static func start(at socket: FilePath, _ script: @escaping Script) async throws -> FakeEngine {
    let state = NIOLockedValueBox(State())
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Connection(state, script))
        }
      }
      .bind(unixDomainSocketPath: socket.string).get()
    return FakeEngine(channel: channel, state: state)
  }

  func stop() async { try? await channel.close().get() }

  var requests: [Request] { state.withLockedValue { $0.requests } }
  var connections: Int { state.withLockedValue { $0.connections } }
  var openConnections: Int { state.withLockedValue { $0.open } }

  private final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let state: NIOLockedValueBox<State>
    private let script: Script
    private var number = 0
    private var received = ""

    init(_ state: NIOLockedValueBox<State>, _ script: @escaping Script) {
      self.state = state
      self.script = script
    }

    func channelActive(context: ChannelHandlerContext) {
      number = state.withLockedValue { state in
        state.connections += 1
        state.open += 1
        return state.connections
      }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received += String(buffer: unwrapInboundIn(data))
      guard let end = received.firstRange(of: "\r\n\r\n") else { return }
      let length = received.firstMatch(of: /Content-Length: (\d+)/).flatMap { Int($0.1) } ?? 0
      let body = received[end.upperBound...]
      guard body.utf8.count >= length else { return }
      let request = Request(head: String(received[..<end.lowerBound]), body: String(body), connection: number)
      received = ""
      state.withLockedValue { $0.requests.append(request) }
      script(request, context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) { state.withLockedValue { $0.open -= 1 } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

extension Channel {
  func send(_ text: String) { writeAndFlush(ByteBuffer(string: text), promise: nil) }

  func sendAndClose(_ text: String) {
    writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in self.close(promise: nil) }
  }
}
