// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelHTTP
import PetrelPrompts
import PetrelScheduling
import PetrelWire

/// Answers inference requests.
///
/// The hot lane: the model is loaded and has a free place. Then everything from the first byte to the last happens on
/// the connection's event loop, without a task and without a copy of the body. The slow lane differs in one thing: a
/// task resolves the name and waits for the scheduler's lease, then the request goes on in the same way.
struct InferenceLane: Sendable {
  /// Images and long conversations fit; what is larger is a mistake or an attack.
  static let bodyLimit = 256 * 1024 * 1024

  let scheduler: Scheduler
  let board: RunnerBoard
  let pools: UpstreamPools
  let recorder: RequestRecorder
  /// Turns the `model` of a request into one of the store.
  let resolve: @Sendable (String) async throws -> RequestedModel
  /// How long a translated stream may be silent.
  var keepAliveInterval = TranslatedAnswer.keepAliveInterval
  var limits = RequestLimits()
  /// Keeps what changes at each request from the beginning of prompts.
  var prompts = PromptScan(.none)
  /// When a stream that waits for its engine is told so.
  var waitingPace = WaitingAnswer.Pace()

  func answer(_ endpoint: InferenceEndpoint, _ head: RequestHead, _ body: ByteBuffer, _ exchange: Exchange) {
    let isPreload = head.headers.first(name: "X-Preload-Only") == "true"
    let address: RequestAddress
    do {
      address = try RequestAddress(reading: body, rules: isPreload ? .none : endpoint.rules)
      if !isPreload { try ImageCheck(limits: limits).check(body, for: endpoint.rules) }
    } catch {
      pools[exchange.eventLoop].metrics.countRefusal(path: exchange.path, status: Int(error.status.code))
      exchange.respond(error.response)
      return
    }
    let (request, changes) = endpoint.rules == .chat ? changedForEngine(body, messages: address.messages) : (body, [])
    if !isPreload,
      let lease = board.take(name: address.model, mode: endpoint.mode, keepAlive: address.keepAlive)
    {
      forward(endpoint, head, request, exchange, lease, address.model, changes: changes)
    } else {
      let wish: RequestWish
      do {
        wish = try RequestWish(head, body)
      } catch {
        return exchange.respond(error.response)
      }
      let options = RequestOptions(keepAlive: address.keepAlive, priority: wish.priority)
      let waiting = NIOLoopBound(
        WaitingAnswer(exchange, wantsStream: wish.wantsStream && endpoint.hasStreams && !isPreload, pace: waitingPace),
        eventLoop: exchange.eventLoop)
      waitForLease(
        endpoint, address.model, options, exchange, ticket: waiting.value.ticket, onEnd: { waiting.value.end() }
      ) { exchange, lease in
        if isPreload {
          lease.release()
          exchange.respond(SimpleResponse())
        } else {
          forward(
            endpoint, head, request, exchange, lease, address.model, changes: changes, headers: waiting.value.headers)
        }
      }
    }
  }

  // MARK: Slow lane

  /// - Parameters:
  ///   - ticket: shows what the request waits for.
  ///   - onEnd: called on the event loop when the wait is over, or the client has left.
  ///   - refuse: tells the client of an error.
  func waitForLease(
    _ endpoint: InferenceEndpoint, _ name: String, _ options: RequestOptions, _ exchange: Exchange,
    ticket: WaitingTicket? = nil, onEnd: @escaping @Sendable () -> Void = {},
    refuse: @escaping @Sendable (Exchange, OpenAIError) -> Void = { $0.refuse($1) },
    then proceed: @escaping @Sendable (Exchange, RunnerLease) -> Void
  ) {
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    let start = NIODeadline.now()
    // Cancelled when the client leaves; otherwise it ends with the lease or an error, which are handed to the loop.
    let waiting = Task {
      do {
        // A tag may move while the name is looked up; then it is not learnt.
        let generation = board.namesGeneration
        var model = try await resolve(name)
        model.options = options
        model.namesGeneration = generation
        let lease = try await scheduler.lease(for: model, mode: endpoint.mode, ticket: ticket)
        loop.execute {
          onEnd()
          bound.value.onClose = nil
          pools[loop].metrics.countWait(since: start)
          // A lease that nobody takes over is given back as it is dropped.
          if bound.value.isOpen { proceed(bound.value, lease) }
        }
      } catch {
        let answer = ErrorMapping.openAI(error)
        loop.execute {
          onEnd()
          if let answer {
            pools[loop].metrics.countRefusal(path: bound.value.path, status: Int(answer.status.code))
          }
          // Without an answer the client has left, or the daemon is about to.
          if let answer { refuse(bound.value, answer) } else { bound.value.abort() }
        }
      }
    }
    exchange.onClose = {
      waiting.cancel()
      onEnd()
    }
  }

  // MARK: To the engine

  private func forward(
    _ endpoint: InferenceEndpoint, _ head: RequestHead, _ body: ByteBuffer, _ exchange: Exchange, _ lease: RunnerLease,
    _ model: String, changes: [String], headers: HTTPHeaders = [:]
  ) {
    let capture = recorder.capture(head, body: body, model: model, key: lease.key)
    if !changes.isEmpty { capture?.note(origin: "openai/chat", changes: changes) }
    ForwardedRequest(
      exchange: exchange, pool: pools[exchange.eventLoop], lease: lease,
      head: Self.engineHead(endpoint, accept: head.headers.first(name: "Accept"), bodySize: body.readableBytes),
      body: body,
      capture: capture, extraHeaders: headers,
      onEngineLost: engineLost
    ).start()
  }

  /// A chat as the engine is to get it: nearly always as it came. And the rules that changed its prompt.
  private func changedForEngine(_ body: ByteBuffer, messages: Int?) -> (ByteBuffer, [String]) {
    if let changed = messages.flatMap({ prompts.applied(to: body, messages: $0) }) {
      let bytes = ByteBuffer(bytes: changed.bytes)
      return (ChosenFunction.narrowed(bytes) ?? bytes, changed.applied)
    }
    return (ChosenFunction.narrowed(body) ?? body, [])
  }

  /// The engine learns nothing of the client but what it needs to read the body.
  ///
  /// - Parameter contentType: nil for JSON.
  static func engineHead(
    _ endpoint: InferenceEndpoint, accept: String?, bodySize: Int, contentType: String? = nil
  ) -> ByteBuffer {
    var text = ByteBuffer()
    text.reserveCapacity(192)
    text.writeStaticString("POST ")
    text.writeString(endpoint.enginePath)
    if let contentType {
      text.writeString(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(contentType)\r\nContent-Length: ")
    } else {
      text.writeStaticString(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ")
    }
    text.writeString(String(bodySize))
    if let accept {
      text.writeStaticString("\r\nAccept: ")
      text.writeString(accept)
    }
    text.writeStaticString("\r\n\r\n")
    return text
  }

  /// The engine ended, or broke the protocol, before its response was complete.
  private func engineLost(_ lease: RunnerLease, _ exchange: Exchange, isEventStream: Bool) {
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    let scheduler = scheduler
    // Ends within seconds: the scheduler's answer is bounded in time.
    Task {
      let reason = await scheduler.reasonForEnd(of: lease.runner)
      let kind = await scheduler.failureKind(of: lease.runner)
      lease.release()
      loop.execute {
        let exchange = bound.value
        let error = OpenAIError(.internalServerError, reason, code: "engine_terminated", reason: kind)
        guard exchange.hasStarted else { return exchange.respond(error.response) }
        guard isEventStream else { return exchange.abort() }
        exchange.write(ByteBuffer(string: "data: \(error.json)\n\n"))
        let sent = loop.makePromise(of: Void.self)
        // The stream is not complete, and the client must be able to tell: no end, the connection closes.
        sent.futureResult.whenComplete { _ in bound.value.abort() }
        exchange.flush(promise: sent)
      }
    }
  }
}
