// SPDX-License-Identifier: Apache-2.0

import PetrelEngines

/// An OpenAI endpoint that an engine answers.
struct InferenceEndpoint: Sendable, Hashable {
  let mode: EngineMode
  /// The path that the engine knows.
  let enginePath: String
  /// What is checked of a request before the engine sees it.
  let rules: ParameterRules

  init(mode: EngineMode, enginePath: String) {
    self.mode = mode
    self.enginePath = enginePath
    rules = ParameterRules(enginePath: enginePath)
  }

  /// Whether a request may ask for its answer as a stream.
  var hasStreams: Bool { ["/v1/chat/completions", "/v1/completions", "/infill"].contains(enginePath) }

  private static let all: [InferenceEndpoint] = [
    InferenceEndpoint(mode: .completion, enginePath: "/v1/chat/completions"),
    InferenceEndpoint(mode: .completion, enginePath: "/v1/completions"),
    InferenceEndpoint(mode: .embedding, enginePath: "/v1/embeddings"),
    InferenceEndpoint(mode: .reranking, enginePath: "/rerank"),
    InferenceEndpoint(mode: .reranking, enginePath: "/v1/rerank"),
    InferenceEndpoint(mode: .completion, enginePath: "/tokenize"),
    InferenceEndpoint(mode: .completion, enginePath: "/detokenize"),
    InferenceEndpoint(mode: .completion, enginePath: "/infill"),
  ]
  /// Paths of the engine that stand outside of `/v1`, and are served below it as well.
  private static let rootPaths = ["/tokenize", "/detokenize", "/infill"]

  /// Where `/score` is served, which engines answer in other words.
  static let scorePaths: Set<String> = {
    var paths: Set<String> = []
    for prefix in ["", APIPath.dockerPrefix] {
      for base in ["", "/engines", "/engines/\(LlamaCpp.name)"] {
        for path in ["/score", "/v1/score"] { paths.insert(prefix + base + path) }
      }
    }
    return paths
  }()

  /// Every path under which an endpoint is served, so that the hot lane finds it with one look-up.
  static let byPath: [String: InferenceEndpoint] = {
    var table: [String: InferenceEndpoint] = [:]
    for prefix in ["", APIPath.dockerPrefix] {
      for base in ["", "/engines", "/engines/\(LlamaCpp.name)"] {
        for endpoint in all {
          table[prefix + base + endpoint.enginePath] = endpoint
          if rootPaths.contains(endpoint.enginePath) { table[prefix + base + "/v1" + endpoint.enginePath] = endpoint }
        }
      }
    }
    return table
  }()
}
