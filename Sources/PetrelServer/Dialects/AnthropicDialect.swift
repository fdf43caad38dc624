// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAnthropic
import PetrelEngines
import PetrelHTTP
import PetrelPrompts
import PetrelWire

/// Anthropic's Messages API.
///
/// llama.cpp has the endpoint as well, but leaves out what a request says about tools to call, forms of answers and
/// thinking, closes blocks of a stream in the wrong order and answers mistakes of the client with 500. Its chat
/// completions do all of that right, so everything goes there, and every engine that has them can answer.
struct AnthropicDialect: Dialect {
  enum Call: Sendable { case messages, countTokens }

  let call: Call
  var rules = PromptRules.none

  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest {
    let node = try DialectBody.parse(body)
    let request: MessagesRequest
    do throws(MessagesError) {
      request = try MessagesRequest(node, isCount: call == .countTokens, rules: rules)
    } catch {
      throw OpenAIError(.badRequest, error.message, code: "invalid_request")
    }
    let isPreload = head.headers.first(name: "X-Preload-Only") == "true"
    return TranslatedRequest(
      model: request.model,
      endpoint: InferenceEndpoint(
        mode: .completion,
        enginePath: call == .messages ? "/v1/chat/completions" : "/v1/chat/completions/input_tokens"),
      options: try DialectBody.options(node),
      body: isPreload ? nil : ByteBuffer(bytes: request.chat.bytes(reserving: body.readableBytes + 1024)),
      translator: call == .messages ? AnthropicAnswer(request) : AnthropicCount(),
      origin: "anthropic/messages", promptRules: request.appliedRules)
  }

  func refusal(_ error: OpenAIError) -> SimpleResponse { Self.response(error) }

  static func response(_ error: OpenAIError) -> SimpleResponse {
    var headers: HTTPHeaders = [:]
    if let seconds = error.retryAfterSeconds { headers.add(name: "Retry-After", value: String(seconds)) }
    return .json(
      MessagesErrorBody.node(status: Int(error.status.code), message: text(of: error)), status: error.status,
      headers: headers)
  }

  /// Coding agents know by these words that the conversation must be made shorter.
  static func text(of error: OpenAIError) -> String {
    guard error.code == "context_length_exceeded",
      let prompt = error.details.first(where: { $0.name == "n_prompt_tokens" })?.value.integer,
      let context = error.details.first(where: { $0.name == "n_ctx" })?.value.integer
    else { return error.message }
    return "prompt is too long: \(prompt) tokens > \(context) maximum"
  }
}

/// Puts one answer into Anthropic's form.
struct AnthropicAnswer: AnswerTranslator {
  private let model: String
  let streamHeaders: HTTPHeaders?
  private var stream: MessagesStream

  init(_ request: MessagesRequest) {
    model = request.model
    stream = MessagesStream(model: request.model)
    streamHeaders = request.isStream ? DialectBody.eventStreamHeaders : nil
  }

  var keepAlive: ByteBuffer { ByteBuffer(bytes: MessagesStream.ping) }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) {
    do throws(MessagesStreamError) {
      try stream.translate(event.data, into: &output)
    } catch {
      throw Self.failure(error)
    }
  }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) {
    do throws(MessagesStreamError) {
      try stream.finish(into: &output)
    } catch {
      throw Self.failure(error)
    }
  }

  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    guard let completion = DialectBody.node(body), let message = MessagesAnswer.message(completion, model: model) else {
      throw DialectBody.unreadable
    }
    return .json(message)
  }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) {
    MessagesErrorBody.appendEvent(
      status: Int(error.status.code), message: AnthropicDialect.text(of: error), to: &output)
  }

  private static func failure(_ error: MessagesStreamError) -> OpenAIError {
    DialectBody.engineError(error.status, error.message)
  }
}

/// Puts a count of tokens into Anthropic's form.
private struct AnthropicCount: AnswerTranslator {
  var streamHeaders: HTTPHeaders? { nil }
  var keepAlive: ByteBuffer { ByteBuffer() }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) {
    throw DialectBody.unreadable
  }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) { throw DialectBody.unreadable }

  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    guard let node = DialectBody.node(body), let count = MessagesAnswer.count(node) else {
      throw DialectBody.unreadable
    }
    return .json(count)
  }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) {
    MessagesErrorBody.appendEvent(status: Int(error.status.code), message: error.message, to: &output)
  }
}
