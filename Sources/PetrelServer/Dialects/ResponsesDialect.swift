// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelPrompts
import PetrelResponseStore
import PetrelResponses
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// OpenAI's Responses API.
///
/// llama.cpp has the endpoint as well, but ignores the form that an answer must have, calls an answer that was cut short
/// complete, leaves out numbers and indexes of events and knows no earlier responses. Its chat completions do their part
/// right, so everything goes there, and every engine that has them can answer.
struct ResponsesDialect: Dialect {
  let store: ResponseStore
  let running: RunningResponses
  let rules: PromptRules
  let logger: Logger
  /// Whose responses they are; nil for everybody's.
  var owner: String?
  /// The items of all earlier turns.
  var history: [JSONNode] = []

  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest {
    let node = try DialectBody.parse(body)
    let request: ResponsesRequest
    do throws(ResponsesError) {
      request = try ResponsesRequest(node, history: history, rules: rules, newID: Self.newID)
    } catch {
      throw OpenAIError(.badRequest, error.message, code: "invalid_request", param: error.param)
    }
    let isPreload = head.headers.first(name: "X-Preload-Only") == "true"
    return TranslatedRequest(
      model: request.model, endpoint: InferenceEndpoint(mode: .completion, enginePath: "/v1/chat/completions"),
      options: try DialectBody.options(node),
      body: isPreload ? nil : ByteBuffer(bytes: request.chat.bytes(reserving: body.readableBytes + 1024)),
      translator: ResponsesAnswer(request, self), origin: "openai/responses", promptRules: request.appliedRules)
  }

  func refusal(_ error: OpenAIError) -> SimpleResponse { error.response }

  static func newID(_ prefix: String) -> String {
    let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
    return prefix + "_" + String((0..<32).map { _ in letters[Int.random(in: letters.indices)] })
  }

  static var now: Int64 { Int64(Date().timeIntervalSince1970) }
}

/// Puts one answer into the form of the Responses API, and has it stored before the client learns of its end.
struct ResponsesAnswer: AnswerTranslator {
  /// Of the error with which a cancelled answer is given up.
  private static let cancelled = "response_cancelled"

  let streamHeaders: HTTPHeaders?
  private let request: ResponsesRequest
  private let dialect: ResponsesDialect
  private let handle: RunningResponse
  private var response: ResponseInProgress

  init(_ request: ResponsesRequest, _ dialect: ResponsesDialect) {
    self.request = request
    self.dialect = dialect
    response = ResponseInProgress(
      request, id: ResponsesDialect.newID("resp"), created: ResponsesDialect.now, newID: ResponsesDialect.newID)
    handle = RunningResponse(
      id: response.id, owner: dialect.owner, node: response.response(), registry: dialect.running)
    streamHeaders = request.isStream ? DialectBody.eventStreamHeaders : nil
  }

  var keepAlive: ByteBuffer { ByteBuffer(string: ": \n\n") }

  mutating func begin(_ exchange: Exchange) {
    // A stream is given up at its next event.
    guard !request.isStream else { return }
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Not all of this answer: the handle must not hold itself.
    let (response, request, dialect) = (response, request, dialect)
    handle.onCancel { loop.execute { Self.stop(bound.value, response, request, dialect) } }
  }

  /// Takes the client's exchange away from the engine, as if the client had left, and answers when the response is kept.
  private static func stop(
    _ exchange: Exchange, _ response: ResponseInProgress, _ request: ResponsesRequest, _ dialect: ResponsesDialect
  ) {
    guard exchange.isOpen, !exchange.hasStarted else { return }
    var response = response
    var ignored: [UInt8] = []
    response.cancel(into: &ignored)
    let leave = exchange.onClose
    exchange.onClose = nil
    leave?()
    let answer = SimpleResponse.json(response.response())
    guard let save = Self.conclusion(response, request, dialect) else { return exchange.respond(answer) }
    let bound = NIOLoopBound(exchange, eventLoop: exchange.eventLoop)
    let loop = exchange.eventLoop
    // Ends with the write. The daemon's end waits for the exchange, and so for this.
    Task {
      await save()
      loop.execute { bound.value.respond(answer) }
    }
  }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) {
    if handle.isCancelled { throw OpenAIError(.ok, "the response was cancelled", code: Self.cancelled) }
    do throws(ResponseFailure) {
      try response.translate(event.data, into: &output)
    } catch {
      throw Self.error(error)
    }
  }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) {
    do throws(ResponseFailure) {
      try response.finish(into: &output)
    } catch {
      throw Self.error(error)
    }
    response.appendEnd(at: ResponsesDialect.now, into: &output)
  }

  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    guard let completion = DialectBody.node(body) else { throw DialectBody.unreadable }
    do throws(ResponseFailure) {
      try response.take(completion)
    } catch {
      throw Self.error(error)
    }
    return .json(response.response(at: ResponsesDialect.now))
  }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) {
    if error.code == Self.cancelled {
      response.cancel(into: &output)
    } else {
      response.fail(code: error.code ?? "server_error", message: error.message, into: &output)
    }
    response.appendEnd(at: ResponsesDialect.now, into: &output)
  }

  mutating func conclusion() -> (@Sendable () async -> Void)? {
    Self.conclusion(response, request, dialect)
  }

  /// What keeps a response that has ended; from then on it is found there and is not running any more.
  private static func conclusion(
    _ response: ResponseInProgress, _ request: ResponsesRequest, _ dialect: ResponsesDialect
  ) -> (@Sendable () async -> Void)? {
    guard let save = save(response, request, dialect) else {
      dialect.running.remove(response.id)
      return nil
    }
    return { [running = dialect.running, id = response.id] in
      await save()
      running.remove(id)
    }
  }

  /// What stores a response; nil when it is not to be stored.
  private static func save(
    _ response: ResponseInProgress, _ request: ResponsesRequest, _ dialect: ResponsesDialect
  ) -> (@Sendable () async -> Void)? {
    guard request.isStored else { return nil }
    let stored = StoredResponse(
      id: response.id, previousID: request.previousID, owner: dialect.owner, input: request.input,
      body: response.response(at: ResponsesDialect.now))
    return { [store = dialect.store, logger = dialect.logger] in
      do {
        try await store.save(stored)
      } catch {
        logger.warning("a response is not stored", metadata: ["id": "\(stored.id)", "error": "\(error)"])
      }
    }
  }

  private static func error(_ failure: ResponseFailure) -> OpenAIError {
    DialectBody.engineError(failure.status, failure.message)
  }
}
