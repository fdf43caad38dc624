// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelHTTP
import PetrelScheduling

extension InferenceLane {
  /// Larger bodies are translated on a task. One of this size, of texts, takes a tenth of a millisecond.
  private static let translatedOnLoop = 128 * 1024

  /// Answers a request of another dialect: as ``answer(_:_:_:_:)`` does it, but with body and answer translated.
  func answer(_ dialect: some Dialect, _ head: RequestHead, _ body: ByteBuffer, _ exchange: Exchange) {
    guard body.readableBytes > Self.translatedOnLoop else {
      return proceed(dialect, head, body, Result { try dialect.translate(head, body) }, exchange)
    }
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Ends by itself: it only computes.
    Task {
      let result = Result { try dialect.translate(head, body) }
      loop.execute {
        if bound.value.isOpen { proceed(dialect, head, body, result, bound.value) }
      }
    }
  }

  private func proceed(
    _ dialect: some Dialect, _ head: RequestHead, _ body: ByteBuffer,
    _ translated: Result<TranslatedRequest, any Error>, _ exchange: Exchange
  ) {
    var request: TranslatedRequest
    do {
      request = try translated.get()
      if let body = request.body, request.form == nil {
        try ImageCheck(limits: limits).check(body, for: request.endpoint.rules)
      }
    } catch let error as UnpreparedModel {
      return prepare(dialect, for: error.name, head, body, exchange)
    } catch {
      guard let error = ErrorMapping.openAI(error) else { return exchange.abort() }
      return exchange.respond(dialect.refusal(error))
    }
    if request.endpoint.rules == .chat, let narrowed = request.body.flatMap(ChosenFunction.narrowed) {
      request.body = narrowed
    }
    proceed(request, dialect, head, exchange)
  }

  private func proceed(
    _ request: TranslatedRequest, _ dialect: some Dialect, _ head: RequestHead, _ exchange: Exchange
  ) {
    let answer = TranslatedAnswer(
      exchange, request.translator, keepAliveEvery: keepAliveInterval, refusal: dialect.refusal)
    if let body = request.body, request.options.contextSize == nil,
      let lease = board.take(name: request.model, mode: request.endpoint.mode, keepAlive: request.options.keepAlive)
    {
      return forward(request, body, head, exchange, lease, answer)
    }
    let bound = NIOLoopBound(answer, eventLoop: exchange.eventLoop)
    if request.unloads { return unload(request, exchange, bound) }
    waitForLease(
      request.endpoint, request.model, request.options, exchange, refuse: { _, error in bound.value.fail(error) }
    ) { exchange, lease in
      if let body = request.body {
        forward(request, body, head, exchange, lease, bound.value)
      } else {
        lease.release()
        bound.value.leased()
        bound.value.loaded()
      }
    }
  }

  private func prepare(
    _ dialect: some Dialect, for model: String, _ head: RequestHead, _ body: ByteBuffer, _ exchange: Exchange
  ) {
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Cancelled when the client leaves.
    let preparing = Task {
      let result: Result<TranslatedRequest, any Error>
      do {
        result = .success(try await dialect.prepared(for: model).translate(head, body))
      } catch {
        result = .failure(error)
      }
      loop.execute {
        bound.value.onClose = nil
        if bound.value.isOpen { proceed(dialect, head, body, result, bound.value) }
      }
    }
    exchange.onClose = { preparing.cancel() }
  }

  /// Ends the model's engines. One that is at work ends with its last answer.
  private func unload(
    _ request: TranslatedRequest, _ exchange: Exchange, _ answer: NIOLoopBound<TranslatedAnswer>
  ) {
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Ends with the engines, which takes seconds at most.
    Task {
      do {
        let id = try await resolve(request.model).id
        let unloading = await scheduler.unload { key, _ in key.model == id }
        if !unloading.inUse.isEmpty {
          board.take(name: request.model, mode: request.endpoint.mode, keepAlive: .after(.zero))?.release()
        }
        loop.execute { answer.value.loaded() }
      } catch {
        let error = ErrorMapping.openAI(error)
        loop.execute {
          if let error { answer.value.fail(error) } else { bound.value.abort() }
        }
      }
    }
  }

  private func forward(
    _ request: TranslatedRequest, _ body: ByteBuffer, _ head: RequestHead, _ exchange: Exchange, _ lease: RunnerLease,
    _ answer: TranslatedAnswer
  ) {
    answer.leased()
    let capture = recorder.capture(head, body: request.form?.record ?? body, model: request.model, key: lease.key)
    if let origin = request.origin { capture?.note(origin: origin, changes: request.promptRules) }
    ForwardedRequest(
      exchange: exchange, pool: pools[exchange.eventLoop], lease: lease,
      head: Self.engineHead(
        request.endpoint, accept: nil, bodySize: body.readableBytes, contentType: request.form?.contentType),
      body: body,
      capture: capture, translation: answer
    ) { lease, exchange, _ in
      explainLoss(of: lease, exchange.eventLoop, to: NIOLoopBound(answer, eventLoop: exchange.eventLoop))
    }.start()
  }

  private func explainLoss(of lease: RunnerLease, _ loop: any EventLoop, to answer: NIOLoopBound<TranslatedAnswer>) {
    let scheduler = scheduler
    // Ends within seconds: the scheduler's answer is bounded in time.
    Task {
      let error = OpenAIError(
        .internalServerError, await scheduler.reasonForEnd(of: lease.runner), code: "engine_terminated")
      lease.release()
      loop.execute { answer.value.fail(error) }
    }
  }
}
