// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SystemPackage

/// What a connection to an engine tells the request that uses it. All calls come on the connection's event loop.
protocol UpstreamUser: AnyObject {
  func upstreamRead(_ bytes: ByteBuffer)
  func upstreamReadComplete()
  func upstreamClosed()
}

/// One connection to an engine, used by one request at a time. Bound to its event loop.
final class UpstreamConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let socket: FilePath
  private let channel: any Channel
  private var context: ChannelHandlerContext?
  private weak var pool: UpstreamPool?
  private weak var user: (any UpstreamUser)?
  private var isPaused = false
  private var pacing: Scheduled<Void>?
  /// Requests before this one; a connection that has served may have been closed by the engine in the meantime.
  private(set) var served = 0
  var parser = EngineResponseParser()
  var idleSince = NIODeadline.now()

  init(socket: FilePath, channel: any Channel, pool: UpstreamPool) {
    self.socket = socket
    self.channel = channel
    self.pool = pool
    isActive = channel.isActive
  }

  private(set) var isActive: Bool

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Larger bodies are sent by themselves; a copy of a smaller one is cheaper than a second write.
  private static let largestCopy = 8 * 1024

  func send(_ head: ByteBuffer, _ body: ByteBuffer, for user: any UpstreamUser) {
    self.user = user
    guard let context else { return user.upstreamClosed() }
    var last = body
    if body.readableBytes <= Self.largestCopy {
      last = context.channel.allocator.buffer(capacity: head.readableBytes + body.readableBytes)
      last.writeImmutableBuffer(head)
      last.writeImmutableBuffer(body)
    } else {
      context.write(NIOAny(head), promise: nil)
    }
    context.writeAndFlush(NIOAny(last), promise: nil)
  }

  /// The response has been read; the connection goes back to the pool or is closed.
  func finish(keepAlive: Bool) {
    user = nil
    served += 1
    guard keepAlive, parser.isEmpty, isActive, let pool else { return close() }
    resume()
    parser.reset()
    idleSince = .now()
    pool.giveBack(self)
  }

  func close() {
    user = nil
    pacing?.cancel()
    channel.close(promise: nil)
  }

  /// Stops reading until ``resume()``, so that an engine goes no faster than its client.
  func pause() {
    pacing?.cancel()
    pacing = nil
    setReading(false)
  }

  /// Stops reading for a while.
  func pause(for duration: TimeAmount) {
    guard !isPaused else { return }
    setReading(false)
    pacing = channel.eventLoop.assumeIsolated().scheduleTask(in: duration) { self.resume() }
  }

  func resume() {
    pacing?.cancel()
    pacing = nil
    setReading(true)
  }

  private func setReading(_ reading: Bool) {
    guard reading == isPaused else { return }
    isPaused = !reading
    try? channel.syncOptions?.setOption(.autoRead, value: reading)
    if reading { channel.read() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { user?.upstreamRead(unwrapInboundIn(data)) }

  func channelReadComplete(context: ChannelHandlerContext) { user?.upstreamReadComplete() }

  func channelInactive(context: ChannelHandlerContext) {
    isActive = false
    pool?.remove(self)
    let user = user
    self.user = nil
    user?.upstreamClosed()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
