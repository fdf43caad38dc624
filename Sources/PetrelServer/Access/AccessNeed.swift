// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAccess
import PetrelHTTP

/// What a request must be allowed to do. What is not known here is left to administrators, so that a route that is
/// forgotten is closed and not open.
enum AccessNeed: Hashable {
  case nothing
  /// Any key will do.
  case key
  case scope(AccessScope)

  var scope: AccessScope? {
    if case .scope(let scope) = self { scope } else { nil }
  }

  init(of head: RequestHead) {
    let segments = APIPath.withoutDockerPrefix(head.path).split(separator: "/")
    self.init(isRead: head.isRead, segments[...])
  }

  private init(isRead: Bool, _ segments: ArraySlice<Substring>) {
    let rest = segments.dropFirst()
    switch segments.first {
    // Whether the daemon is there, and what it can do at all.
    case nil, "health", "openapi.json": self = isRead ? .nothing : .scope(.admin)
    case "version", "metrics": self = isRead ? .key : .scope(.admin)
    case "v1", "responses", "anthropic", "rerank", "score", "tokenize", "detokenize", "infill":
      self = isRead && rest.first == "models" ? .key : .scope(.inference)
    case "models": self = isRead && segments.last != "export" ? .key : .scope(.models)
    case "engines": self = Self.engines(isRead: isRead, rest)
    case "api": self = Self.ollama(isRead: isRead, rest.first)
    default: self = .scope(.admin)
    }
  }

  private static func engines(isRead: Bool, _ segments: ArraySlice<Substring>) -> AccessNeed {
    switch segments.first {
    case "ps", "status", "df", "fit": return isRead ? .key : .scope(.admin)
    // Others' requests and the settings of all models, and whatever else changes engines.
    case nil, "requests", "_configure", "unload", "install-backend", "uninstall-backend": return .scope(.admin)
    case "v1", "responses", "rerank", "score", "tokenize", "detokenize", "infill":
      return AccessNeed(isRead: isRead, segments)
    default:
      // The name of a backend.
      switch segments.dropFirst().first {
      case "v1", "rerank", "score", "tokenize", "detokenize", "infill":
        return AccessNeed(isRead: isRead, segments.dropFirst())
      default: return .scope(.admin)
      }
    }
  }

  private static func ollama(isRead: Bool, _ action: Substring?) -> AccessNeed {
    switch action {
    case "version", "tags", "ps", "show": .key
    case "chat", "generate", "embed", "embeddings": .scope(.inference)
    case "pull", "push", "create", "copy", "delete", "blobs": .scope(.models)
    default: .scope(.admin)
    }
  }
}
