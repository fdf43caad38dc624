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
    var error = OpenAIError(status, message, code: "engine_error")
    if details.type == "exceed_context_size_error" {
      error.code = "context_length_exceeded"
      error.param = "messages"
      error.details = [
        ("n_prompt_tokens", details.promptTokens), ("n_ctx", details.contextSize),
      ].compactMap { name, value in value.map { JSONMember(name, .number(String($0))) } }
    } else if details.message?.hasPrefix("image input is not supported") == true {
      // llama.cpp takes it for a fault of its own.
      error.status = .badRequest
      error.message = "the model reads no images: it has no projector (mmproj); leave them out, or use a model with one"
      error.code = "unsupported_image"
    } else if let type = details.type {
      error.code = type
    }
    return error
  }
}
