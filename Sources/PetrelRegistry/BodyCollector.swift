// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Stands behind the HTTP parser of a connection and puts the many pieces of a long body together to blocks, so that
/// what follows, a change of thread above all, happens once for each block and not for each piece. The buffers that the
/// socket was read into are free again at once and used for the next read.
///
/// Where a part of a larger content comes (`Content-Range`), blocks begin and end at multiples of their size in the
/// content. A slow connection's bytes wait at most ``patience``. Nothing is handed on that was not asked for, so a slow
/// reader still makes the socket wait.
final class BodyCollector: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias InboundOut = HTTPClientResponsePart
  typealias OutboundIn = HTTPClientRequestPart
  typealias OutboundOut = HTTPClientRequestPart

  private static let patience = TimeAmount.milliseconds(50)
  /// A connection that fills a block sooner is fast: its socket wakes the thread for so many bytes at a time only.
  private static let fast = TimeAmount.milliseconds(25)
  private static let gulp = 256 * 1024

  private let blocks: BodyBlocks
  /// What waits until it is asked for.
  private var ready: [HTTPClientResponsePart] = []
  private var block: ByteBuffer?
  /// Bytes that still go into `block`.
  private var room = 0
  /// Of the block that comes next.
  private var nextSize = BodyBlocks.size
  private var isLong = false
  /// Bytes of the body that are still to come.
  private var left = 0
  private var blockBegan = NIODeadline.now()
  private var isFast = false
  /// Bytes that must be there before the socket wakes the thread.
  private var lowWater = 1
  /// No block has become full since the last tick.
  private var isWaiting = false
  private var ticker: RepeatedTask?
  /// The client wants more, and has got nothing since it said so.
  private var isAsked = true
  /// Something was handed on in this cycle of reading.
  private var hasPassed = false

  init(_ blocks: BodyBlocks) { self.blocks = blocks }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    switch part {
    case .head(let head):
      begin(head, context)
      pass(part, context)
    case .body(let bytes) where isLong:
      collect(bytes)
      left -= bytes.readableBytes
      setLowWater(context)
    case .body: pass(part, context)
    case .end:
      closeBlock()
      ready.append(part)
      finishBody(context)
      if isAsked { passReady(context) }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if isAsked { passReady(context) }
    guard hasPassed else { return }
    hasPassed = false
    isAsked = false
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    isAsked = true
    guard !ready.isEmpty else { return context.read() }
    passAlone(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    passLast(context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    passLast(context)
    context.fireErrorCaught(error)
  }

  func handlerRemoved(context: ChannelHandlerContext) { finishBody(context) }

  // MARK: Blocks

  private func begin(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
    let length = head.headers.first(name: "Content-Length").flatMap { Int64($0) } ?? 0
    guard length >= Int64(BodyBlocks.size), !isLong else { return }
    isLong = true
    isWaiting = false
    left = Int(length)
    let start = head.headers.first(name: "Content-Range").flatMap(ContentRange.init)?.start ?? 0
    nextSize = BodyBlocks.size - Int(start % Int64(BodyBlocks.size))
    blocks.begin()
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    ticker = context.eventLoop.scheduleRepeatedTask(initialDelay: Self.patience, delay: Self.patience) { _ in
      let (collector, context) = bound.value
      collector.tick(context)
    }
    setLowWater(context)
  }

  private func finishBody(_ context: ChannelHandlerContext) {
    guard isLong else { return }
    isLong = false
    ticker?.cancel()
    ticker = nil
    left = 0
    setLowWater(context)
    blocks.end(on: context.eventLoop)
  }

  private func collect(_ bytes: ByteBuffer) {
    var bytes = bytes
    while bytes.readableBytes > 0 {
      if room == 0 {
        block = blocks.take()
        blockBegan = .now()
        room = nextSize
        nextSize = BodyBlocks.size
      }
      guard let piece = bytes.readSlice(length: min(room, bytes.readableBytes)) else { return }
      block?.writeImmutableBuffer(piece)
      room -= piece.readableBytes
      if room == 0 {
        isFast = .now() - blockBegan < Self.fast
        closeBlock()
      }
    }
  }

  /// Lets a fast connection's socket collect bytes before it wakes the thread, as long as more than that is to come.
  private func setLowWater(_ context: ChannelHandlerContext) {
    let wanted = isFast && left >= 2 * Self.gulp ? Self.gulp : 1
    guard wanted != lowWater, SocketLowWater.isReliable else { return }
    lowWater = wanted
    // A socket that does not take it wakes the thread more often.
    try? context.channel.syncOptions?.setOption(SocketLowWater.option, value: SocketOptionValue(wanted))
  }

  private func closeBlock() {
    guard let full = block else { return }
    block = nil
    // The rest of a block that is handed on early becomes one of its own.
    if room > 0 { nextSize = room }
    room = 0
    isWaiting = false
    blocks.lend(full)
    ready.append(.body(full))
  }

  /// Hands on what a slow connection has brought.
  private func tick(_ context: ChannelHandlerContext) {
    defer { isWaiting = true }
    guard isWaiting else { return }
    isFast = false
    setLowWater(context)
    guard block != nil, isAsked else { return }
    closeBlock()
    passAlone(context)
  }

  // MARK: Handing on

  private func pass(_ part: HTTPClientResponsePart, _ context: ChannelHandlerContext) {
    hasPassed = true
    context.fireChannelRead(wrapInboundOut(part))
  }

  private func passReady(_ context: ChannelHandlerContext) {
    guard !ready.isEmpty else { return }
    let parts = ready
    ready.removeAll(keepingCapacity: true)
    for part in parts { pass(part, context) }
  }

  /// Hands on what came before the connection broke, in a cycle of its own: the client drops what it was given in the
  /// same one as the error.
  private func passLast(_ context: ChannelHandlerContext) {
    closeBlock()
    finishBody(context)
    passReady(context)
    guard hasPassed else { return }
    hasPassed = false
    isAsked = false
    context.fireChannelReadComplete()
  }

  /// Hands on outside of a cycle of reading, and ends it as the channel does.
  private func passAlone(_ context: ChannelHandlerContext) {
    passReady(context)
    hasPassed = false
    isAsked = false
    context.fireChannelReadComplete()
    context.pipeline.syncOperations.read()
  }
}
