// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// How names of models are shown to people and compared with what they type.
struct ModelNames: Sendable {
  /// Replaces Docker Hub for names without a registry; nil when it is Docker Hub.
  let defaultRegistry: String?

  /// - Parameter defaultRegistry: the environment's `DEFAULT_REGISTRY`.
  init(defaultRegistry: String? = nil) {
    let isDockerHub = defaultRegistry == "docker.io" || defaultRegistry == "index.docker.io"
    self.defaultRegistry = isDockerHub ? nil : defaultRegistry
  }

  /// A stored tag without the parts that go without saying.
  func display(_ tag: String) -> String {
    ModelReference.displayName(of: tag, defaultRegistry: defaultRegistry ?? ModelReference.dockerHub)
  }

  func parse(_ text: String) throws -> ModelReference {
    try ModelReference(parsing: text, defaultRegistry: defaultRegistry ?? ModelReference.dockerHub)
  }

  /// Whether a stored tag is what `filter` asks for: without a tag of its own, the filter covers all of a name.
  func matches(_ tag: String, filter: String) -> Bool {
    guard let wanted = try? parse(filter), let stored = try? parse(tag) else { return false }
    let hasVersion = filter.split(separator: "/").last?.contains { $0 == ":" || $0 == "@" } ?? false
    if hasVersion { return stored == wanted }
    return stored.registry == wanted.registry && stored.repository == wanted.repository
  }

  /// The token for pulls from and pushes to Hugging Face.
  static func bearerToken(for model: String, in context: CommandContext) -> String? {
    let name = model.lowercased()
    guard name.hasPrefix("hf.co/") || name.hasPrefix("huggingface.co/") else { return nil }
    return context.variable("HF_TOKEN") ?? context.variable("HUGGING_FACE_HUB_TOKEN")
  }
}
