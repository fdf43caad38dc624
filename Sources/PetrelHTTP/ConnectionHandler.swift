// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1

/// One inbound connection: takes requests, has the responder choose a route, and runs it.
///
/// It sits behind NIO's HTTP decoder. Requests are answered in the order in which they came: parts of later ones wait in
/// `waiting`, and nothing more is read meanwhile.
final class ConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

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
    /// The last answer has been sent.
    case closing
  }

  /// What came while a request was being answered.
  private enum Waiting {
    case part(HTTPServerRequestPart)
    /// After this nothing can be understood.
    case malformed
  }

  /// How long the rest of a refused request is read, or what may follow the last one, so that the client gets to see the
  /// answer.
  private static let shortLinger = TimeAmount.seconds(2)
  /// The same when something has followed the last one. The answer may be long, and the client slow in taking what the
  /// kernel has of it.
  private static let lastLinger = TimeAmount.seconds(30)
  /// A body that nobody wants is read up to this size, so that the connection can be used again.
  private static let unwantedBody = 64 * 1024

  private let responder: any Responder
  private let isUnixSocket: Bool
  private let limits: ConnectionLimits
  private let logger: Logger
  private var output = ResponseOutput()
  private var waiting = CircularBuffer<Waiting>(initialCapacity: 0)
  private var isTakingWaiting = false
  private var isQuiescing = false
  private var context: ChannelHandlerContext?
  private var state = State.idle
  private var exchange: Exchange?
  private var task: Task<Void, Never>?
  private var keepAlive = true
  private var isReadingPaused = false
  private var isReadWanted = false
  private var pace: ConnectionPace
  private var nextLook: Scheduled<Void>?
  /// Ends the connection when its client does not. Nil until the last answer has been written.
  private var linger: Scheduled<Void>?

  init(responder: any Responder, isUnixSocket: Bool, limits: ConnectionLimits, logger: Logger) {
    self.responder = responder
    self.isUnixSocket = isUnixSocket
    self.limits = limits
    self.logger = logger
    pace = ConnectionPace(limits)
  }

  // MARK: Inbound

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    lookLater(context)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    if isAnswering || !waiting.isEmpty {
      waiting.append(.part(part))
    } else {
      receive(part, context: context)
    }
  }

  private func receive(_ part: HTTPServerRequestPart, context: ChannelHandlerContext) {
    switch part {
    case .head(let head): receive(head, context: context)
    case .body(let bytes): receive(bytes, context: context)
    case .end: receiveEnd(context: context)
    }
  }

  /// Goes on with what came while the last request was being answered.
  private func takeWaiting(_ context: ChannelHandlerContext) {
    // Answers that are given at once come back here: a loop serves them, not a deep stack.
    guard !isTakingWaiting else { return }
    isTakingWaiting = true
    while !isAnswering, let next = waiting.popFirst() {
      switch next {
      case .part(let part): receive(part, context: context)
      case .malformed: refuseMalformed(context)
      }
    }
    isTakingWaiting = false
    readIfWanted(context)
  }

  private var isAnswering: Bool {
    if case .answering = state { true } else { false }
  }

  private func receive(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
    switch state {
    // What follows a request that ended the connection is not read as another.
    case .closing, .discarding: return
    case .idle, .collecting, .streaming, .answering: break
    }
    keepAlive = head.isKeepAlive && !isQuiescing
    pace.receivedHead()
    guard Self.isPlainlyFramed(head) else {
      let message = "a request has one Transfer-Encoding at most, and none in HTTP/1.0"
      turnAway(responder.refusal(.badRequest, message, path: "/"), version: head.version)
      return
    }
    guard let request = RequestHead(head, isFromUnixSocket: isUnixSocket) else {
      turnAway(responder.refusal(.badRequest, "invalid request target", path: "/"), version: head.version)
      return
    }
    let route = responder.route(request)
    let exchange = Exchange(
      connection: self, eventLoop: context.eventLoop, head: request, commonHeaders: responder.commonHeaders(request))
    self.exchange = exchange
    switch route {
    case .fixed: guard collect(request, route, limit: Self.unwantedBody) else { return }
    case .onLoop(let limit, _), .task(let limit, _): guard collect(request, route, limit: limit) else { return }
    case .streaming(let answer):
      let delegate = RequestBodyDelegate(eventLoop: context.eventLoop, resume: resumeReading(context))
      let (body, source) = RequestBody.make(delegate: delegate)
      state = .streaming(source)
      run(request, exchange) { try await answer(request, body, $0) }
    }
    if request.headers.first(name: "Expect")?.lowercased() == "100-continue" {
      output.writeContinue(context)
    }
  }

  /// Whether no other reader of the head could think that the body ends elsewhere. The decoder has refused most that
  /// is doubtful. Source: RFC 9112, section 6.1.
  private static func isPlainlyFramed(_ head: HTTPRequestHead) -> Bool {
    var count = 0
    // Every request passes here: the length tells nearly all names apart.
    for header in head.headers where header.name.utf8.count == "transfer-encoding".utf8.count {
      if header.name.lowercased() == "transfer-encoding" { count += 1 }
    }
    return count == 0 || (count == 1 && head.version.minor > 0)
  }

  /// Returns false when the body is announced as too large.
  private func collect(_ head: RequestHead, _ route: Route, limit: Int) -> Bool {
    let announced = head.headers.first(name: "Content-Length").flatMap(Int.init) ?? 0
    guard announced <= limit else {
      bodyTooLarge(head, route, limit)
      return false
    }
    state = .collecting(head, route: route, limit: limit, buffer: ByteBuffer())
    return true
  }

  private func receive(_ bytes: ByteBuffer, context: ChannelHandlerContext) {
    pace.received(bytes: bytes.readableBytes)
    switch state {
    case .collecting(let head, let route, let limit, var buffer):
      state = .idle
      guard buffer.readableBytes + bytes.readableBytes <= limit else {
        bodyTooLarge(head, route, limit)
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
    case .idle, .answering, .discarding, .closing: break
    }
  }

  private func receiveEnd(context: ChannelHandlerContext) {
    switch state {
    case .collecting(let head, let route, _, let buffer):
      state = .answering
      guard let exchange else { return }
      switch route {
      case .fixed(let response): exchange.respond(response)
      case .onLoop(_, let answer): answer(head, buffer, exchange)
      case .task(_, let answer): run(head, exchange) { try await answer(head, buffer, $0) }
      case .streaming: break
      }
    case .streaming(let source):
      state = .answering
      source.finish()
    case .discarding:
      // Else the answer is still on its way.
      if linger != nil { context.close(promise: nil) }
    case .idle, .answering, .closing: break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if case .streaming(let source) = state { source.fail(ChannelError.inputClosed) }
    state = .closing
    waiting.removeAll()
    nextLook?.cancel()
    nextLook = nil
    linger?.cancel()
    linger = nil
    // The client has gone: whatever works for it stops.
    task?.cancel()
    task = nil
    exchange?.connectionClosed()
    exchange = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // What follows the last request is thrown away, whatever it is.
    if case .closing = state, !(error is IOError) { return }
    // The decoder has said before that it understands nothing any more.
    if case ByteToMessageDecoderError.dataReceivedInErrorState = error { return }
    logger.debug("closing a connection", metadata: ["error": "\(error)"])
    if !(error is HTTPParserError) {
      context.close(promise: nil)
    } else if isAnswering || !waiting.isEmpty {
      waiting.append(.malformed)
    } else {
      refuseMalformed(context)
    }
  }

  /// What came is no HTTP.
  private func refuseMalformed(_ context: ChannelHandlerContext) {
    switch state {
    case .idle, .collecting, .streaming:
      if exchange?.hasStarted == true { break }
      output.writeHead(.badRequest, .http1_1, ["Content-Length": "0"], [:], connection: "close")
      output.end(context, promise: nil)
    case .answering: break
    // It ends in any case, and its last answer may still be on the way.
    case .discarding, .closing: return
    }
    context.close(promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
    isQuiescing = true
    // The request that has come is answered, no other is taken.
    keepAlive = false
    waiting.removeAll()
    switch state {
    case .idle: context.close(promise: nil)
    // The last answer has been written.
    case .closing, .discarding: if linger != nil { context.close(promise: nil) }
    case .collecting, .streaming, .answering: break
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      pace.taken()
      exchange?.connectionWritable()
    }
    context.fireChannelWritabilityChanged()
  }

  // MARK: Reading as fast as a streaming route takes

  func read(context: ChannelHandlerContext) {
    if isReadingPaused || !waiting.isEmpty {
      isReadWanted = true
    } else {
      context.read()
    }
  }

  private func readIfWanted(_ context: ChannelHandlerContext) {
    guard isReadWanted, !isReadingPaused, waiting.isEmpty else { return }
    isReadWanted = false
    context.read()
  }

  private func resumeReading(_ context: ChannelHandlerContext) -> @Sendable () -> Void {
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    return {
      let (handler, context) = bound.value
      handler.isReadingPaused = false
      if handler.context != nil { handler.readIfWanted(context) }
    }
  }

  // MARK: Clients that don't get on

  private func lookLater(_ context: ChannelHandlerContext) {
    nextLook = context.eventLoop.assumeIsolated().scheduleTask(in: limits.lookInterval) { [weak self] in
      self?.look()
    }
  }

  private func look() {
    guard let context else { return }
    var isWritable = context.channel.isWritable
    let phase: ConnectionPace.Phase
    switch state {
    case .idle: phase = .idle
    case .collecting, .streaming: phase = .receiving
    case .answering: phase = .answering
    case .discarding, .closing:
      phase = .answering
      // There may be too little left of the last answer to tell by this that nobody takes it.
      isWritable = false
    }
    switch pace.look(phase, isWaiting: isReadingPaused, isWritable: isWritable) {
    case .fine: lookLater(context)
    case .abandoned: context.close(promise: nil)
    case .tooSlow:
      guard case .collecting(let head, _, _, _) = state else {
        context.close(promise: nil)
        return
      }
      let message = "the body came too slowly: less than \(limits.leastBytes) bytes in \(limits.lookInterval.text)"
      turnAway(responder.refusal(.requestTimeout, message, path: head.path), version: head.version, for: head)
      lookLater(context)
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

  private func bodyTooLarge(_ head: RequestHead, _ route: Route, _ limit: Int) {
    let response =
      if case .fixed(let response) = route {
        response
      } else {
        responder.refusal(.payloadTooLarge, "request too large: the limit is \(limit) bytes", path: head.path)
      }
    turnAway(response, version: head.version, for: head)
  }

  /// Answers before the request is complete.
  private func turnAway(_ response: SimpleResponse, version: HTTPVersion, for request: RequestHead? = nil) {
    state = .discarding
    keepAlive = false
    var headers = response.headers
    headers.replaceOrAdd(name: "Content-Length", value: String(response.body.readableBytes))
    sendHead(response.status, version, headers, request.map(responder.commonHeaders) ?? [:])
    if request?.method != .HEAD { sendBody(response.body) }
    exchange = nil
    sendEnd()
  }

  var isWritable: Bool { context?.channel.isWritable ?? false }

  /// - Parameter more: further headers.
  func sendHead(_ status: HTTPResponseStatus, _ version: HTTPVersion, _ headers: HTTPHeaders, _ more: HTTPHeaders) {
    guard context != nil else { return }
    // What is left of the request will be thrown away, and the connection with it.
    if case .streaming = state { keepAlive = false }
    // HTTP/1.0 has no chunks: the end of a body without length is the end of the connection.
    if version == .http1_0, !headers.contains(name: "Content-Length") { keepAlive = false }
    output.writeHead(
      status, version, headers, more, connection: keepAlive ? (version == .http1_0 ? "keep-alive" : nil) : "close")
  }

  func sendBody(_ bytes: ByteBuffer) {
    if let context { output.writeBody(bytes, context) }
  }

  func flush(promise: EventLoopPromise<Void>?) {
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    output.flush(context, promise: promise)
  }

  func sendEnd() {
    guard let context else { return }
    exchange = nil
    task = nil
    switch state {
    case .answering, .idle:
      if keepAlive {
        state = .idle
        output.end(context, promise: nil)
        takeWaiting(context)
      } else {
        state = .closing
        // Requests that are not served any more, here or on their way: closing with bytes unread would reset the
        // connection, and could destroy the answer. A daemon that ends does not wait for what may not come.
        let hasUnread = isReadWanted || !waiting.isEmpty
        let lingers = hasUnread || !isQuiescing
        waiting.removeAll()
        let ended = context.eventLoop.makePromise(of: Void.self)
        if lingers {
          discardRest(context, for: hasUnread && !isQuiescing ? Self.lastLinger : Self.shortLinger, after: ended)
        } else {
          ended.futureResult.assumeIsolated().whenComplete { [self] _ in self.context?.close(promise: nil) }
        }
        output.end(context, promise: ended)
      }
    case .collecting, .streaming, .discarding:
      // Closing at once, with bytes unread, would reset the connection and could destroy the answer on its way.
      state = .discarding
      let ended = context.eventLoop.makePromise(of: Void.self)
      discardRest(context, for: Self.shortLinger, after: ended)
      output.end(context, promise: ended)
    case .closing: break
    }
  }

  /// Ends this side when the answer has been written, and reads on until the client does the same, but no longer than
  /// that after it.
  private func discardRest(_ context: ChannelHandlerContext, for time: TimeAmount, after ended: EventLoopPromise<Void>)
  {
    isReadingPaused = false
    context.read()
    let loop = context.eventLoop.assumeIsolated()
    ended.futureResult.assumeIsolated().whenComplete { [self] _ in
      guard let context = self.context else { return }
      context.close(mode: .output, promise: nil)
      linger = loop.scheduleTask(in: time) { [weak self] in self?.context?.close(promise: nil) }
    }
  }

  func abort() {
    exchange = nil
    task = nil
    context?.close(promise: nil)
  }
}

extension TimeAmount {
  /// In seconds: `10 s`.
  fileprivate var text: String { "\(nanoseconds / 1_000_000_000) s" }
}
