// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1

/// One inbound connection: takes requests, has the responder choose a route, and runs it.
///
/// It sits behind NIO's HTTP codec and pipelining handler, which deliver one request at a time.
final class ConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case idle
    /// The body is collected for `route`; `buffer` is what has come.
    case collecting(RequestHead, route: Route, limit: Int, buffer: ByteBuffer)
    /// The body goes to a task as it comes.
    case streaming(RequestBodySource)
    /// The request is complete and its answer under way.
    case answering
    /// The answer has been sent before the request was complete: the rest is thrown away, then the connection ends.
    case discarding
  }

  /// How long the rest of a refused request is read, so that the client gets to see the answer.
  private static let lingerTime = TimeAmount.seconds(2)

  private let responder: any Responder
  private let logger: Logger
  private var context: ChannelHandlerContext?
  private var state = State.idle
  private var exchange: Exchange?
  private var task: Task<Void, Never>?
  private var keepAlive = true
  private var isReadingPaused = false
  private var isReadWanted = false

  init(responder: any Responder, logger: Logger) {
    self.responder = responder
    self.logger = logger
  }

  // MARK: Inbound

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): receive(head, context: context)
    case .body(let bytes): receive(bytes, context: context)
    case .end: receiveEnd(context: context)
    }
  }

  private func receive(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
    keepAlive = head.isKeepAlive
    let isFromUnixSocket = if case .unixDomainSocket = context.localAddress { true } else { false }
    guard let request = RequestHead(head, isFromUnixSocket: isFromUnixSocket) else {
      refuse(.badRequest, "invalid request target", path: "/", version: head.version)
      return
    }
    let route = responder.route(request)
    let exchange = Exchange(
      connection: self, eventLoop: context.eventLoop, head: request, commonHeaders: responder.commonHeaders(request))
    self.exchange = exchange
    switch route {
    case .onLoop(let limit, _), .task(let limit, _):
      let announced = request.headers.first(name: "Content-Length").flatMap(Int.init) ?? 0
      guard announced <= limit else {
        refuse(.payloadTooLarge, Self.tooLarge(limit), path: request.path, version: head.version)
        return
      }
      state = .collecting(request, route: route, limit: limit, buffer: ByteBuffer())
    case .streaming(let answer):
      let delegate = RequestBodyDelegate(eventLoop: context.eventLoop, resume: resumeReading(context))
      let (body, source) = RequestBody.make(delegate: delegate)
      state = .streaming(source)
      run(request, exchange) { try await answer(request, body, $0) }
    }
    if request.headers.first(name: "Expect")?.lowercased() == "100-continue" {
      let proceed = HTTPResponseHead(version: head.version, status: .continue)
      context.writeAndFlush(wrapOutboundOut(.head(proceed)), promise: nil)
    }
  }

  private func receive(_ bytes: ByteBuffer, context: ChannelHandlerContext) {
    switch state {
    case .collecting(let head, let route, let limit, var buffer):
      state = .idle
      guard buffer.readableBytes + bytes.readableBytes <= limit else {
        refuse(.payloadTooLarge, Self.tooLarge(limit), path: head.path, version: head.version)
        return
      }
      if buffer.readableBytes == 0 {
        buffer = bytes
      } else {
        buffer.writeImmutableBuffer(bytes)
      }
      state = .collecting(head, route: route, limit: limit, buffer: buffer)
    case .streaming(let source):
      if !source.yield(bytes) { isReadingPaused = true }
    case .idle, .answering, .discarding: break
    }
  }

  private func receiveEnd(context: ChannelHandlerContext) {
    switch state {
    case .collecting(let head, let route, _, let buffer):
      state = .answering
      guard let exchange else { return }
      switch route {
      case .onLoop(_, let answer): answer(head, buffer, exchange)
      case .task(_, let answer): run(head, exchange) { try await answer(head, buffer, $0) }
      case .streaming: break
      }
    case .streaming(let source):
      state = .answering
      source.finish()
    case .discarding: context.close(promise: nil)
    case .idle, .answering: break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if case .streaming(let source) = state { source.fail(ChannelError.inputClosed) }
    state = .discarding
    // The client has gone: whatever works for it stops.
    task?.cancel()
    task = nil
    exchange?.connectionClosed()
    exchange = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    logger.debug("closing a connection", metadata: ["error": "\(error)"])
    context.close(promise: nil)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { exchange?.connectionWritable() }
    context.fireChannelWritabilityChanged()
  }

  // MARK: Reading as fast as a streaming route takes

  func read(context: ChannelHandlerContext) {
    if isReadingPaused {
      isReadWanted = true
    } else {
      context.read()
    }
  }

  private func resumeReading(_ context: ChannelHandlerContext) -> @Sendable () -> Void {
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    return {
      let (handler, context) = bound.value
      handler.isReadingPaused = false
      if handler.isReadWanted, handler.context != nil {
        handler.isReadWanted = false
        context.read()
      }
    }
  }

  // MARK: Answering

  /// Runs a route's task. It is cancelled when the client goes, and its errors become the responder's answer.
  private func run(
    _ head: RequestHead, _ exchange: Exchange, _ answer: @escaping @Sendable (ResponseWriter) async throws -> Void
  ) {
    let writer = ResponseWriter(exchange)
    let responder = responder
    let logger = logger
    // Owned by this handler, which cancels it in `channelInactive`.
    task = Task {
      do {
        try await answer(writer)
        try await writer.finish()
      } catch {
        guard let response = responder.failure(error, head: head) else { return await writer.abort() }
        if await writer.hasStarted {
          logger.debug("a response was cut short", metadata: ["path": "\(head.path)", "error": "\(error)"])
          await writer.abort()
        } else {
          try? await writer.respond(response)
        }
      }
    }
  }

  private func refuse(_ status: HTTPResponseStatus, _ message: String, path: String, version: HTTPVersion) {
    state = .discarding
    keepAlive = false
    let response = responder.refusal(status, message, path: path)
    var headers = response.headers
    headers.replaceOrAdd(name: "Content-Length", value: String(response.body.readableBytes))
    sendHead(HTTPResponseHead(version: version, status: response.status, headers: headers))
    sendBody(response.body)
    exchange = nil
    sendEnd()
  }

  private static func tooLarge(_ limit: Int) -> String { "request too large: the limit is \(limit) bytes" }

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func sendHead(_ head: HTTPResponseHead) {
    guard let context else { return }
    // What is left of the request will be thrown away, and the connection with it.
    if case .streaming = state { keepAlive = false }
    // HTTP/1.0 has no chunks: the end of a body without length is the end of the connection.
    if head.version == .http1_0, !head.headers.contains(name: "Content-Length") { keepAlive = false }
    var head = head
    if !keepAlive {
      head.headers.replaceOrAdd(name: "Connection", value: "close")
    } else if head.version == .http1_0 {
      head.headers.replaceOrAdd(name: "Connection", value: "keep-alive")
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
  }

  func sendBody(_ bytes: ByteBuffer) {
    context?.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
  }

  func flush(promise: EventLoopPromise<Void>?) {
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    // An empty buffer carries the promise behind everything queued before it.
    if let promise {
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: promise)
    } else {
      context.flush()
    }
  }

  func sendEnd() {
    guard let context else { return }
    exchange = nil
    task = nil
    switch state {
    case .answering, .idle:
      state = .idle
      if keepAlive {
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      } else {
        let ended = context.eventLoop.makePromise(of: Void.self)
        ended.futureResult.assumeIsolated().whenComplete { [self] _ in self.context?.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: ended)
      }
    case .collecting, .streaming, .discarding:
      // Closing at once, with bytes unread, would reset the connection and could destroy the answer on its way.
      state = .discarding
      isReadingPaused = false
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      context.read()
      context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingerTime) { [self] in self.context?.close(promise: nil)
      }
    }
  }

  func abort() {
    exchange = nil
    task = nil
    context?.close(promise: nil)
  }
}
