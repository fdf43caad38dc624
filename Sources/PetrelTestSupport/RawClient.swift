// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A connection that sends the bytes it is given, well-formed or not, and keeps what comes back.
package struct RawClient: Sendable {
  private struct State {
    var received = ByteBuffer()
    var isClosed = false
  }

  private let channel: any Channel
  private let state: NIOLockedValueBox<State>

  /// - Parameter receiveBuffer: bytes that the kernel keeps when nobody reads; nil for as many as it likes.
  package static func connect(port: Int, receiveBuffer: Int32? = nil) async throws -> RawClient {
    try await connect { bootstrap in
      var bootstrap = bootstrap
      if let receiveBuffer {
        bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
      }
      return try await bootstrap.connect(host: "127.0.0.1", port: port).get()
    }
  }

  package static func connect(socket: String) async throws -> RawClient {
    try await connect { try await $0.connect(unixDomainSocketPath: socket).get() }
  }

  private static func connect(_ dial: (ClientBootstrap) async throws -> any Channel) async throws -> RawClient {
    let state = NIOLockedValueBox(State())
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(Recorder(state))
      }
    }
    return RawClient(channel: try await dial(bootstrap), state: state)
  }

  /// Returns when the bytes are with the kernel.
  package func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }
  package func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes).get() }

  /// Stops to read, so that the kernel's buffers fill up, or goes on.
  package func setReading(_ isReading: Bool) async throws {
    try await channel.setOption(.autoRead, value: isReading).get()
    if isReading { channel.read() }
  }

  package func close() async { try? await channel.close().get() }

  package var isClosed: Bool { state.withLockedValue { $0.isClosed } }
  package var receivedCount: Int { state.withLockedValue { $0.received.readableBytes } }
  package var received: String { state.withLockedValue { String(buffer: $0.received) } }

  /// Takes what has come up to the end of `mark`, waiting until it is there.
  package func receive(through mark: String) async throws -> String {
    var taken = ""
    try await eventually("\"\(mark)\" in what was received") {
      let (text, isClosed) = state.withLockedValue { (String(buffer: $0.received), $0.isClosed) }
      guard let range = text.firstRange(of: mark) else {
        if isClosed { throw DeadlinePassed("closed before \"\(mark)\": \(text)") }
        return false
      }
      taken = String(text[..<range.upperBound])
      state.withLockedValue { $0.received.moveReaderIndex(forwardBy: taken.utf8.count) }
      return true
    }
    return taken
  }

  /// The same for bytes that are no text.
  package func receiveBytes(through mark: String) async throws -> [UInt8] {
    var taken: [UInt8] = []
    try await eventually("\"\(mark)\" in what was received") {
      let (bytes, isClosed) = state.withLockedValue { (Array($0.received.readableBytesView), $0.isClosed) }
      guard let range = bytes.firstRange(of: Array(mark.utf8)) else {
        if isClosed { throw DeadlinePassed("closed before \"\(mark)\"") }
        return false
      }
      taken = Array(bytes[..<range.upperBound])
      state.withLockedValue { $0.received.moveReaderIndex(forwardBy: taken.count) }
      return true
    }
    return taken
  }

  /// What comes until the server closes the connection.
  package func receiveAll() async throws -> String {
    try await eventually("the connection's end") { isClosed }
    return received
  }

  private final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let state: NIOLockedValueBox<State>

    init(_ state: NIOLockedValueBox<State>) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      state.withLockedValue { _ = $0.received.writeImmutableBuffer(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) { state.withLockedValue { $0.isClosed = true } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
