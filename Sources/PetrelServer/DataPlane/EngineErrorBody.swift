// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An engine's error answer, put into OpenAI's form: llama.cpp has a number as `code` and no `param`.
struct EngineErrorBody {
  /// Longer error bodies are cut; none that an engine writes comes near.
  static let maximumSize = 64 * 1024

  /// Faults of requests for which the engine blames itself, by the beginning of its message.
  private static let mistakes: [(beginning: String, code: String, param: String?, advice: String?)] = [
    ("\"prompt\" elements must be", "invalid_value", "input", nil),
    ("Failed to parse tools", "invalid_value", "tools", nil),
    // Its JSON library, on members whose type is wrong or that are missing.
    ("[json.exception.type_error.302]", "invalid_value", nil, nil),
    ("[json.exception.out_of_range.403]", "invalid_value", nil, nil),
    ("vector::_M_range_check", "invalid_value", "tokens", "a token is not among the model's"),
  ]

  /// Embeddings and rankings are made in one piece; of one that is too large the engine tells in words only.
  private static func tooLong(_ message: String) -> (tokens: String, limit: String)? {
    guard message.hasPrefix("input ("), message.contains("is too large to process") else { return nil }
    let numbers = message.split { !$0.isNumber }.map(String.init)
    guard let tokens = numbers.first, let limit = numbers.last, numbers.count == 2 else { return nil }
    return (tokens, limit)
  }

  private struct View: Decodable {
    struct Details: Decodable {
      var message: String?
      var type: String?
      var promptTokens: Int?
      var contextSize: Int?

      enum CodingKeys: String, CodingKey {
        case message, type
        case promptTokens = "n_prompt_tokens"
        case contextSize = "n_ctx"
      }
    }
    var error: Details
  }

  let status: HTTPResponseStatus
  private(set) var bytes = ByteBuffer()

  init(status: HTTPResponseStatus) { self.status = status }

  mutating func append(_ chunk: ByteBuffer) {
    let room = Self.maximumSize - bytes.readableBytes
    if let part = chunk.getSlice(at: chunk.readerIndex, length: min(room, chunk.readableBytes)) {
      bytes.writeImmutableBuffer(part)
    }
  }

  var response: SimpleResponse { error.response }

  var error: OpenAIError {
    guard let details = try? JSONDecoder().decode(View.self, from: Data(bytes.readableBytesView)).error else {
      return OpenAIError(status, "the engine answered with status \(status.code)", code: "engine_error")
    }
    let message = details.message ?? "the engine gave no reason"
    // llama.cpp takes this for a failure of its own, and it is the request that asks for what the model can't do.
    if status == .internalServerError, message.contains("input is not supported"), message.contains("mmproj") {
      return OpenAIError(
        .badRequest,
        "the model reads text only: it has no projector (mmproj) for images or sound; use a model that has one",
        code: "unsupported_input", param: "messages")
    }
    // Happens to all requests of the engine at once, and none of them is too long by itself.
    if status == .internalServerError, message.hasPrefix("Context size has been exceeded") {
      return OpenAIError(
        .serviceUnavailable,
        "the requests that the engine worked on at the same time were longer together than the context that they share; "
          + "try again, or let fewer run at a time (`petrel configure --parallel`)",
        code: "context_exhausted", retryAfterSeconds: 1)
    }
    // A model that is not there would be the daemon's answer: this is about the path.
    if status == .notFound, message == "File Not Found" {
      return OpenAIError(
        .notImplemented, "the installed engine has no such endpoint; `petrel install-runner` gets a newer one",
        code: "not_supported")
    }
    if status == .notImplemented, message.contains("does not support audio") {
      return OpenAIError(
        .badRequest, "the model hears nothing: it has no projector (mmproj) for sound; use a model that has one",
        code: "unsupported_input", param: "file")
    }
    var error = OpenAIError(status, message, code: "engine_error")
    if details.type == "exceed_context_size_error" {
      error.code = "context_length_exceeded"
      error.param = "messages"
      error.details = [
        ("n_prompt_tokens", details.promptTokens), ("n_ctx", details.contextSize),
      ].compactMap { name, value in value.map { JSONMember(name, .number(String($0))) } }
    } else if let counts = Self.tooLong(error.message) {
      error.status = .badRequest
      error.code = "context_length_exceeded"
      error.param = "input"
      error.message = "input (\(counts.tokens) tokens) exceeds the size that the model takes (\(counts.limit) tokens)"
      error.details = [
        JSONMember("n_prompt_tokens", .number(counts.tokens)), JSONMember("n_ctx", .number(counts.limit)),
      ]
    } else if let mistake = Self.mistakes.first(where: { error.message.hasPrefix($0.beginning) }) {
      error.status = .badRequest
      error.code = mistake.code
      error.param = mistake.param
      error.message = mistake.advice ?? error.message
    } else if let type = details.type {
      error.code = type
    }
    return error
  }
}
