// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Puts an engine's embeddings into Ollama's words.
package struct OllamaVectors: Sendable {
  private let embedding: OllamaEmbedding
  private var figures: OllamaFigures

  package init(_ embedding: OllamaEmbedding, at moment: OllamaMoment) {
    self.embedding = embedding
    figures = OllamaFigures(started: moment)
  }

  package mutating func modelIsLoaded(at moment: OllamaMoment) { figures.modelIsLoaded(at: moment) }

  /// - Parameter document: of `/v1/embeddings`. Nil when it has no vectors.
  package mutating func whole(_ document: JSONNode, at moment: OllamaMoment) -> [UInt8]? {
    guard let data = document["data"]?.elements else { return nil }
    figures.read(document)
    let sorted = data.enumerated().sorted { left, right in
      (left.element["index"]?.integer ?? left.offset) < (right.element["index"]?.integer ?? right.offset)
    }
    let vectors = sorted.compactMap { $0.element["embedding"]?.elements.map(shortened) }
    guard vectors.count == data.count, !vectors.isEmpty else { return nil }
    return answer(vectors, at: moment)
  }

  /// The answer when nothing was to be embedded.
  package func withoutInput(at moment: OllamaMoment) -> [UInt8] { answer([], at: moment) }

  private func answer(_ vectors: [JSONNode], at moment: OllamaMoment) -> [UInt8] {
    guard !embedding.isLegacy else {
      return JSONNode.object([JSONMember("embedding", vectors.first ?? .array([]))]).bytes + [0x0A]
    }
    return JSONNode.object(
      [JSONMember("model", .string(embedding.request.model)), JSONMember("embeddings", .array(vectors))]
        + figures.embeddingMembers(at: moment)
    ).bytes + [0x0A]
  }

  /// The first numbers of a vector, brought to length one again.
  private func shortened(_ vector: [JSONNode]) -> JSONNode {
    guard let dimensions = embedding.dimensions, dimensions < vector.count else { return .array(vector) }
    let numbers = vector.prefix(dimensions).map { $0.double ?? 0 }
    let length = numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return .array(numbers.map { .number(String(length > 0 ? $0 / length : $0)) })
  }
}
