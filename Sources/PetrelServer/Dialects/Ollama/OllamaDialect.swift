// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelOllama
import PetrelPrompts
import PetrelScheduling
import PetrelWire

/// The inference endpoints of Ollama's API.
struct OllamaDialect: Dialect {
  enum Endpoint: String {
    case chat, generate, embed, embeddings
  }

  let endpoint: Endpoint
  let defaults: OllamaModelDefaults
  private let prompts: PromptScan
  /// What the model of the request brings, once it has been looked up for this request.
  private var found: OllamaDefaults?

  init(_ endpoint: Endpoint, defaults: OllamaModelDefaults, prompts: PromptScan) {
    self.endpoint = endpoint
    self.defaults = defaults
    self.prompts = prompts
  }

  func prepared(for model: String) async throws -> OllamaDialect {
    var dialect = self
    dialect.found = try await defaults.look(up: model)
    return dialect
  }

  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest {
    do {
      let document = try OllamaRequest.document(body)
      let model = try OllamaRequest.model(document)
      guard let defaults = found ?? defaults[model] else { throw UnpreparedModel(name: model) }
      let request = try OllamaRequest(document, defaults)
      var translated = try translate(request)
      translated.options = RequestOptions(keepAlive: request.keepAlive, contextSize: request.options.contextSize)
      translated.origin = "ollama/completion"
      translated.unloads = translated.body == nil && request.unloads
      if translated.endpoint.rules == .chat, let changed = translated.body.flatMap(prompts.applied(to:)) {
        translated.body = ByteBuffer(bytes: changed.bytes)
        translated.promptRules = changed.applied
      }
      return translated
    } catch let error as OllamaError {
      throw OpenAIError(.badRequest, error.message, code: "invalid_request")
    }
  }

  private func translate(_ request: OllamaRequest) throws(OllamaError) -> TranslatedRequest {
    let now = OllamaMoment.now
    func made(
      _ path: String, _ mode: EngineMode, _ body: [UInt8]?, _ translator: any AnswerTranslator
    ) -> TranslatedRequest {
      TranslatedRequest(
        model: request.model, endpoint: InferenceEndpoint(mode: mode, enginePath: path),
        body: body.map { ByteBuffer(bytes: $0) }, translator: translator)
    }
    switch endpoint {
    case .chat:
      let chat = try OllamaChat(request)
      return made(
        "/v1/chat/completions", .completion, chat.body,
        OllamaTranslator(OllamaAnswer(chat, at: now), request, hasPrompt: chat.body != nil))
    case .generate:
      let generate = try OllamaGenerate(request)
      let path =
        switch generate.way {
        case .chat: "/v1/chat/completions"
        case .raw: "/v1/completions"
        case .infill: "/infill"
        }
      return made(
        path, .completion, generate.body,
        OllamaTranslator(OllamaAnswer(generate, at: now), request, hasPrompt: generate.body != nil))
    case .embed, .embeddings:
      let embedding = try OllamaEmbedding(request, isLegacy: endpoint == .embeddings)
      return made(
        "/v1/embeddings", .embedding, embedding.body, OllamaVectorTranslator(OllamaVectors(embedding, at: now)))
    }
  }

  func refusal(_ error: OpenAIError) -> SimpleResponse { error.ollama }
}

extension OllamaRequest {
  static func document(_ body: ByteBuffer) throws(OllamaError) -> JSONNode {
    try body.withUnsafeReadableBytes { bytes in
      Result { () throws(OllamaError) in try document(bytes) }
    }.get()
  }
}

extension OpenAIError {
  /// In Ollama's form, with a status that its clients understand.
  var ollama: SimpleResponse {
    // What the model can't do is the request's mistake and no failure of the server.
    let isUnsupported = self.status == .notImplemented
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    if let retryAfterSeconds = self.retryAfterSeconds {
      headers.add(name: "Retry-After", value: String(retryAfterSeconds))
    }
    return SimpleResponse(
      status: isUnsupported ? .badRequest : self.status, headers: headers,
      body: ByteBuffer(bytes: OllamaError.body(self.message)))
  }
}
