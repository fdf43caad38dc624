// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// `POST /api/embed`, and `POST /api/embeddings` as it was before.
package struct OllamaEmbedding: Sendable {
  private static let names = OllamaRequest.commonNames.union([
    "input", "prompt", "truncate", "dimensions", "encoding_format",
  ])

  package let request: OllamaRequest
  /// For the engine; nil when there is nothing to embed, and the model is only to be loaded or unloaded.
  package let body: [UInt8]?
  /// How many numbers of each vector are wanted; nil for all.
  let dimensions: Int?
  let isLegacy: Bool

  /// - Parameter isLegacy: the request is one to `/api/embeddings`.
  package init(_ request: OllamaRequest, isLegacy: Bool) throws(OllamaError) {
    self.request = request
    self.isLegacy = isLegacy
    let document = request.document
    dimensions = try Self.dimensions(document)
    guard let input = try Self.input(document, isLegacy: isLegacy) else {
      body = nil
      return
    }
    var members = [
      JSONMember("model", .string(request.model)), JSONMember("input", input),
      JSONMember("encoding_format", .string("float")),
    ]
    // Sampling says nothing to an embedding.
    let taken = Set(members.map(\.name))
    members += request.passedOn(without: Self.names).filter { !taken.contains($0.name) }
    body = JSONNode.object(members).bytes
  }

  private static func input(_ document: JSONNode, isLegacy: Bool) throws(OllamaError) -> JSONNode? {
    let name = isLegacy ? "prompt" : "input"
    let wanted = OllamaError(isLegacy ? "prompt must be a text" : "input must be a text or an array of texts")
    switch document[name] {
    case nil, .null, .array([]): return nil
    case .text(let text): return text.isEmpty ? nil : .text(text)
    case .array(let texts) where !isLegacy:
      guard texts.allSatisfy(\.isText) else { throw wanted }
      return .array(texts)
    default: throw wanted
    }
  }

  private static func dimensions(_ document: JSONNode) throws(OllamaError) -> Int? {
    guard let value = document["dimensions"], !value.isNull, value.integer != 0 else { return nil }
    guard let number = value.integer, number > 0 else { throw OllamaError("dimensions must be a positive number") }
    return number
  }
}
