// SPDX-License-Identifier: Apache-2.0

/// Rules about request paths that hold for every route.
enum APIPath {
  /// Docker Desktop's proxy puts this before every path; a client that reaches the daemon directly may send it too.
  static let dockerPrefix = "/exp/vDD4.40"

  static func withoutDockerPrefix(_ path: String) -> Substring {
    guard path.hasPrefix(dockerPrefix) else { return Substring(path) }
    let rest = path.dropFirst(dockerPrefix.count)
    if rest.isEmpty { return "/" }
    return rest.hasPrefix("/") ? rest : Substring(path)
  }

  /// Whether errors under this path are OpenAI's.
  static func isOpenAI(_ path: String) -> Bool {
    if ResponsesPaths.segments(path) != nil { return true }
    let parts = withoutDockerPrefix(path).split(separator: "/", maxSplits: 3)
    switch parts.first {
    case .some(let first) where openAIRoots.contains(first): return true
    case "engines": return parts.dropFirst().prefix(2).contains { openAIRoots.contains($0) }
    default: return false
    }
  }

  /// Whether errors under this path are Ollama's.
  static func isOllama(_ path: String) -> Bool {
    withoutDockerPrefix(path).split(separator: "/", maxSplits: 1).first == "api"
  }

  /// First parts of paths, or first behind an engine, whose errors are OpenAI's.
  private static let openAIRoots: Set<Substring> = ["v1", "rerank", "score", "tokenize", "detokenize", "infill"]
}
