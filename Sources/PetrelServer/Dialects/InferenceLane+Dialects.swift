// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelScheduling

extension InferenceLane {
  /// Larger bodies are translated on a task.
  private static let translatedOnLoop = 64 * 1024

  /// Answers a request of another dialect: as ``answer(_:_:_:_:)`` does it, but with body and answer translated.
  func answer(_ dialect: some Dialect, _ head: RequestHead, _ body: ByteBuffer, _ exchange: Exchange) {
    guard body.readableBytes > Self.translatedOnLoop else {
      return proceed(dialect, head, Result { try dialect.translate(head, body) }, exchange)
    }
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Ends by itself: it only computes.
    Task {
      let result = Result { try dialect.translate(head, body) }
      loop.execute {
        if bound.value.isOpen { proceed(dialect, head, result, bound.value) }
      }
    }
  }

  private func proceed(
    _ dialect: some Dialect, _ head: RequestHead, _ translated: Result<TranslatedRequest, any Error>,
    _ exchange: Exchange
  ) {
    let request: TranslatedRequest
    do {
      request = try translated.get()
    } catch {
      guard let error = ErrorMapping.openAI(error) else { return exchange.abort() }
      return exchange.respond(dialect.refusal(error))
    }
    let answer = TranslatedAnswer(
      exchange, request.translator, keepAliveEvery: keepAliveInterval, refusal: dialect.refusal)
    if let body = request.body, request.options.contextSize == nil,
      let lease = board.take(name: request.model, mode: request.endpoint.mode, keepAlive: request.options.keepAlive)
    {
      return forward(request, body, head, exchange, lease, answer)
    }
    let bound = NIOLoopBound(answer, eventLoop: exchange.eventLoop)
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

  private func forward(
    _ request: TranslatedRequest, _ body: ByteBuffer, _ head: RequestHead, _ exchange: Exchange, _ lease: RunnerLease,
    _ answer: TranslatedAnswer
  ) {
    answer.leased()
    let capture = recorder.capture(head, body: body, model: request.model, key: lease.key)
    if let origin = request.origin { capture?.note(origin: origin, changes: request.promptRules) }
    ForwardedRequest(
      exchange: exchange, pool: pools[exchange.eventLoop], lease: lease,
      head: Self.engineHead(request.endpoint, accept: nil, bodySize: body.readableBytes), body: body,
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
