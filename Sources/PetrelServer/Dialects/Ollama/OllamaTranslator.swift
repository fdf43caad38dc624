// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelOllama
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Answers of `/api/chat` and `/api/generate`.
struct OllamaTranslator: AnswerTranslator {
  private var answer: OllamaAnswer
  private let isStream: Bool
  private let unloads: Bool

  init(_ answer: OllamaAnswer, _ request: OllamaRequest, hasPrompt: Bool) {
    self.answer = answer
    // A request that only loads has an answer of one line.
    isStream = request.isStream && hasPrompt
    unloads = request.unloads
  }

  var streamHeaders: HTTPHeaders? {
    isStream ? ["Content-Type": "application/x-ndjson", "Cache-Control": "no-cache"] : nil
  }

  /// Clients parse each line, and JSON may begin with a blank. An empty line would be none.
  var keepAlive: ByteBuffer { ByteBuffer(string: " ") }

  mutating func leased() { answer.modelIsLoaded(at: .now) }

  mutating func loaded() -> SimpleResponse { .ollama(answer.withoutPrompt(unloads: unloads, at: .now)) }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) {
    do {
      try answer.add(try JSONNode(parsing: event.data), at: .now, into: &output)
    } catch let error as OllamaAnswer.EngineFailure {
      throw OpenAIError(error)
    } catch {
      throw OpenAIError(.internalServerError, "the engine's answer can't be read: \(error)", code: "engine_error")
    }
  }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) { answer.finish(at: .now, into: &output) }

  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    do {
      return .ollama(try answer.whole(try JSONNode(parsing: body), at: .now))
    } catch let error as OllamaAnswer.EngineFailure {
      throw OpenAIError(error)
    } catch {
      throw OpenAIError(.internalServerError, "the engine's answer can't be read: \(error)", code: "engine_error")
    }
  }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) { output += OllamaError.body(error.message) }
}

/// Answers of `/api/embed` and `/api/embeddings`.
struct OllamaVectorTranslator: AnswerTranslator {
  private var vectors: OllamaVectors

  init(_ vectors: OllamaVectors) { self.vectors = vectors }

  var streamHeaders: HTTPHeaders? { nil }
  var keepAlive: ByteBuffer { ByteBuffer() }

  mutating func leased() { vectors.modelIsLoaded(at: .now) }

  mutating func loaded() -> SimpleResponse { .ollama(vectors.withoutInput(at: .now)) }

  mutating func translate(_ event: SSEEvent, into output: inout [UInt8]) throws(OpenAIError) { throw Self.unreadable }

  mutating func finish(into output: inout [UInt8]) throws(OpenAIError) { throw Self.unreadable }

  mutating func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    guard let document = try? JSONNode(parsing: body), let answer = vectors.whole(document, at: .now) else {
      throw Self.unreadable
    }
    return .ollama(answer)
  }

  mutating func fail(_ error: OpenAIError, into output: inout [UInt8]) { output += OllamaError.body(error.message) }

  private static var unreadable: OpenAIError {
    OpenAIError(.internalServerError, "the engine's answer has no embeddings", code: "engine_error")
  }
}

extension OllamaMoment {
  static var now: OllamaMoment {
    OllamaMoment(
      wall: Int64(Date().timeIntervalSince1970 * 1_000_000_000), steady: Int64(NIODeadline.now().uptimeNanoseconds))
  }
}

extension OpenAIError {
  init(_ failure: OllamaAnswer.EngineFailure) {
    self.init(
      HTTPResponseStatus(statusCode: (400..<600).contains(failure.status) ? failure.status : 500), failure.message,
      code: "engine_error")
  }
}

extension SimpleResponse {
  /// JSON that is written already.
  static func ollama(_ json: [UInt8]) -> SimpleResponse {
    SimpleResponse(headers: ["Content-Type": "application/json"], body: ByteBuffer(bytes: json))
  }
}

extension JSONNode {
  init(parsing buffer: ByteBuffer) throws(JSONSyntaxError) {
    self = try buffer.withUnsafeReadableBytes { bytes in
      Result { () throws(JSONSyntaxError) in try JSONNode(parsing: bytes) }
    }.get()
  }
}
