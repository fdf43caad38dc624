// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What listings and `/api/show` say of a model. Members are in the order of the wire.
package struct OllamaDetails: Codable, Sendable, Hashable {
  package var parentModel = ""
  package var format: String
  package var family: String
  package var families: [String]
  /// For people: `361.82M`.
  package var parameterSize: String
  package var quantizationLevel: String

  package init(format: String?, family: String?, parameters: String?, quantization: String?) {
    self.format = format ?? ""
    self.family = family ?? ""
    families = family.map { [$0] } ?? []
    parameterSize = parameters ?? ""
    let level = quantization ?? ""
    // GGUF's own name for "most tensors are of this type".
    quantizationLevel = level.hasPrefix("MOSTLY_") ? String(level.dropFirst(7)) : level
  }

  enum CodingKeys: String, CodingKey {
    case parentModel = "parent_model"
    case format, family, families
    case parameterSize = "parameter_size"
    case quantizationLevel = "quantization_level"
  }
}

/// Answer of `GET /api/tags`.
package struct OllamaTags: Codable, Sendable {
  package struct Model: Codable, Sendable {
    package var name: String
    package var model: String
    /// RFC 3339.
    package var modifiedAt: String
    /// Bytes of all layers.
    package var size: Int64
    package var digest: String
    package var details: OllamaDetails

    package init(name: String, modifiedAt: String, size: Int64, digest: String, details: OllamaDetails) {
      self.name = name
      model = name
      self.modifiedAt = modifiedAt
      self.size = size
      self.digest = digest
      self.details = details
    }

    enum CodingKeys: String, CodingKey {
      case name, model, size, digest, details
      case modifiedAt = "modified_at"
    }
  }

  package var models: [Model]

  package init(models: [Model]) { self.models = models }
}

/// Answer of `GET /api/ps`.
package struct OllamaProcesses: Codable, Sendable {
  package struct Model: Codable, Sendable {
    package var name: String
    package var model: String
    package var size: Int64
    package var digest: String
    package var details: OllamaDetails?
    /// RFC 3339; the zero time while it is in use or loading, and when it stays for ever.
    package var expiresAt: String
    /// Tokens.
    package var contextLength: Int?

    package init(
      name: String, size: Int64, digest: String, details: OllamaDetails?, expiresAt: String, contextLength: Int?
    ) {
      self.name = name
      model = name
      self.size = size
      self.digest = digest
      self.details = details
      self.expiresAt = expiresAt
      self.contextLength = contextLength
    }

    enum CodingKeys: String, CodingKey {
      case name, model, size, digest, details
      case expiresAt = "expires_at"
      case contextLength = "context_length"
    }
  }

  package static let noTime = "0001-01-01T00:00:00Z"
  package var models: [Model]

  package init(models: [Model]) { self.models = models }
}

/// Answer of `GET /api/version`.
package struct OllamaVersion: Codable, Sendable {
  /// Of the Ollama whose API this is: clients refuse servers that are older than what they need.
  package var version = "0.13.0"
  package var petrel: String

  package init(petrel: String) { self.petrel = petrel }
}

/// Body of `POST /api/copy`.
package struct OllamaCopy: Codable, Sendable {
  package var source: String
  package var destination: String
}
