// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelWire

/// `/score`: how well texts fit to one, in the form that vLLM gave it. llama.cpp has rankings only, which say the same.
struct ScoreDialect: Dialect {
  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest {
    let request = try DialectBody.parse(body)
    guard let model = request["model"]?.string, !model.isEmpty else {
      throw OpenAIError(.badRequest, "model is required", code: "missing_model", param: "model")
    }
    let (query, documents) = try Self.texts(request)
    let ranking = JSONNode.object([
      JSONMember("model", .string(model)), JSONMember("query", .string(query)),
      JSONMember("documents", .array(documents.map(JSONNode.string))),
    ])
    let isPreload = head.headers.first(name: "X-Preload-Only") == "true"
    return TranslatedRequest(
      model: model, endpoint: InferenceEndpoint(mode: .reranking, enginePath: "/rerank"),
      options: try DialectBody.options(request), body: isPreload ? nil : ByteBuffer(bytes: ranking.bytes),
      translator: ScoreAnswer(model: model))
  }

  func refusal(_ error: OpenAIError) -> SimpleResponse { error.response }

  /// `text_1` is one text, `text_2` one or several.
  private static func texts(_ request: JSONNode) throws(OpenAIError) -> (query: String, documents: [String]) {
    func list(_ name: String) throws(OpenAIError) -> [String] {
      if let text = request[name]?.string { return [text] }
      let texts = request[name]?.elements?.compactMap(\.string)
      guard let texts, texts.count == request[name]?.elements?.count, !texts.isEmpty else {
        throw OpenAIError(
          .badRequest, "\(name) must be a string or an array of strings", code: "invalid_value", param: name)
      }
      return texts
    }
    let first = try list("text_1")
    guard let query = first.first, first.count == 1 else {
      throw OpenAIError(
        .badRequest, "text_1 must be one text: send a request for each", code: "invalid_value", param: "text_1")
    }
    // llama.cpp ends at a pair of empty texts.
    guard !query.isEmpty else {
      throw OpenAIError(.badRequest, "text_1 must not be empty", code: "invalid_value", param: "text_1")
    }
    return (query, try list("text_2"))
  }
}

/// Puts a ranking back into the order of the texts.
private struct ScoreAnswer: WholeAnswerTranslator {
  let model: String

  func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    guard let ranking = DialectBody.node(body), let results = ranking["results"]?.elements else {
      throw DialectBody.unreadable
    }
    var scores: [(index: Int, score: JSONNode)] = []
    for result in results {
      guard let index = result["index"]?.integer, let score = result["relevance_score"] else {
        throw DialectBody.unreadable
      }
      scores.append((index, score))
    }
    let data = scores.sorted { $0.index < $1.index }.map { index, score in
      JSONNode.object([
        JSONMember("index", .number(String(index))), JSONMember("object", .string("score")), JSONMember("score", score),
      ])
    }
    var answer = [
      JSONMember("object", .string("list")), JSONMember("model", .string(model)), JSONMember("data", .array(data)),
    ]
    if let usage = ranking["usage"] { answer.append(JSONMember("usage", usage)) }
    return .json(.object(answer))
  }
}
