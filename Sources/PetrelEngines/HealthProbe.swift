// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import SystemPackage

/// Asks an engine on a Unix socket whether it is ready.
struct HealthProbe: Sendable {
  let socket: FilePath
  let group: any EventLoopGroup

  /// One `GET /health`: true for a 200. Anything else, a refused connection or a silent engine included, is "not yet".
  func isReady(timeout: TimeAmount = .seconds(2)) async -> Bool {
    let loop = group.next()
    let answered = loop.makePromise(of: Bool.self)
    let timer = loop.scheduleTask(in: timeout) { answered.succeed(false) }
    let connected = ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(StatusLineHandler(answered))
        }
      }
      .connect(unixDomainSocketPath: socket.string)
    connected.whenFailure { _ in answered.succeed(false) }
    let isReady = (try? await answered.futureResult.get()) ?? false
    timer.cancel()
    connected.whenSuccess { $0.close(promise: nil) }
    return isReady
  }
}

private final class StatusLineHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let answered: EventLoopPromise<Bool>
  private var received = ByteBuffer()

  init(_ answered: EventLoopPromise<Bool>) { self.answered = answered }

  func channelActive(context: ChannelHandlerContext) {
    let request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received.writeImmutableBuffer(unwrapInboundIn(data))
    // "HTTP/1.1 200": the status is complete after twelve bytes.
    guard let head = received.getString(at: received.readerIndex, length: 12) else { return }
    answered.succeed(head.hasSuffix(" 200"))
  }

  func channelInactive(context: ChannelHandlerContext) { answered.succeed(false) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answered.succeed(false)
    context.close(promise: nil)
  }
}
