// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Embeddings with `dimensions`, which llama.cpp ignores: the first ones are kept, and brought to length 1 again.
///
/// Models must have been trained for that (Matryoshka embeddings); of others the first dimensions mean little.
struct ShortenedEmbeddings: Dialect {
  /// Whether the request asks for it. Others go to the engine as they are.
  static func isWanted(_ body: ByteBuffer) -> Bool {
    body.withUnsafeReadableBytes { JSONMemberSearch.contains("\"dimensions\"", in: $0) }
  }

  func translate(_ head: RequestHead, _ body: ByteBuffer) throws -> TranslatedRequest {
    let endpoint = InferenceEndpoint(mode: .embedding, enginePath: "/v1/embeddings")
    let address = try RequestAddress(reading: body, rules: endpoint.rules)
    let request = try DialectBody.parse(body)
    // Numbers are read from the answer: it is asked for in that form, and put into the client's.
    let members = (request.members ?? []).filter { !["dimensions", "encoding_format"].contains($0.name) }
    let isPreload = head.headers.first(name: "X-Preload-Only") == "true"
    return TranslatedRequest(
      model: address.model, endpoint: endpoint, options: try DialectBody.options(request),
      body: isPreload ? nil : ByteBuffer(bytes: JSONNode.object(members).bytes),
      translator: ShortenedAnswer(
        dimensions: request["dimensions"]?.integer, isBase64: request["encoding_format"]?.string == "base64"))
  }

  func refusal(_ error: OpenAIError) -> SimpleResponse { error.response }
}

private struct ShortenedAnswer: WholeAnswerTranslator {
  /// Nil when the request had the word elsewhere.
  let dimensions: Int?
  let isBase64: Bool

  func translate(whole body: ByteBuffer) throws(OpenAIError) -> SimpleResponse {
    guard let answer = DialectBody.node(body), let data = answer["data"]?.elements else { throw DialectBody.unreadable }
    var shortened: [JSONNode] = []
    for entry in data {
      guard let vector = entry["embedding"]?.elements, let members = entry.members else { throw DialectBody.unreadable }
      let embedding = try shorten(vector)
      shortened.append(
        .object(members.map { $0.name == "embedding" ? JSONMember("embedding", embedding) : $0 }))
    }
    let members = (answer.members ?? []).map { $0.name == "data" ? JSONMember("data", .array(shortened)) : $0 }
    return .json(.object(members))
  }

  private func shorten(_ vector: [JSONNode]) throws(OpenAIError) -> JSONNode {
    let count = dimensions ?? vector.count
    guard count > 0, count <= vector.count else {
      throw OpenAIError(
        .badRequest, "dimensions is \(count), but the model's embeddings have \(vector.count)", code: "invalid_value",
        param: "dimensions")
    }
    var numbers = vector.prefix(count).compactMap(\.double)
    guard numbers.count == count else { throw DialectBody.unreadable }
    let length = numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
    if count < vector.count, length > 0 { numbers = numbers.map { $0 / length } }
    guard isBase64 else { return .array(numbers.map { .number("\(Float($0))") }) }
    let bytes = numbers.flatMap { number in
      withUnsafeBytes(of: Float(number).bitPattern.littleEndian) { Array($0) }
    }
    return .string(Data(bytes).base64EncodedString())
  }
}
