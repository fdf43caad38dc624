// SPDX-License-Identifier: Apache-2.0

import PetrelEngines

/// An OpenAI endpoint that an engine answers.
struct InferenceEndpoint: Sendable, Hashable {
  let mode: EngineMode
  /// The path that the engine knows.
  let enginePath: String

  private static let all: [InferenceEndpoint] = [
    InferenceEndpoint(mode: .completion, enginePath: "/v1/chat/completions"),
    InferenceEndpoint(mode: .completion, enginePath: "/v1/completions"),
    InferenceEndpoint(mode: .embedding, enginePath: "/v1/embeddings"),
    InferenceEndpoint(mode: .reranking, enginePath: "/rerank"),
    InferenceEndpoint(mode: .reranking, enginePath: "/v1/rerank"),
  ]

  /// Every path under which an endpoint is served, so that the hot lane finds it with one look-up.
  static let byPath: [String: InferenceEndpoint] = {
    var table: [String: InferenceEndpoint] = [:]
    for prefix in ["", APIPath.dockerPrefix] {
      for base in ["", "/engines", "/engines/\(LlamaCpp.name)"] {
        for endpoint in all { table[prefix + base + endpoint.enginePath] = endpoint }
      }
    }
    return table
  }()
}
