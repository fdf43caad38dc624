// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// A model of the store, as `GET /models` and `GET /models/{name}` show it.
package struct ModelObject: Codable, Sendable, Hashable {
  package var id: Digest
  /// Fully qualified; absent when the model has none.
  package var tags: [String]?
  /// Seconds since 1970.
  package var created: Int64
  package var config: ModelConfig
  /// Bytes of all layers, each once. The config's `size` is a text of the packager's, who may have counted tensors only.
  package var sizeBytes: Int64?
  /// The engines that have the model in memory; absent in lists, and when there are none.
  package var runtime: [LoadedRunner]?

  package init(id: Digest, tags: [String], created: Int64, config: ModelConfig, sizeBytes: Int64? = nil) {
    self.id = id
    self.tags = tags.isEmpty ? nil : tags
    self.created = created
    self.config = config
    self.sizeBytes = sizeBytes
  }

  enum CodingKeys: String, CodingKey {
    case id, tags, created, config, runtime
    case sizeBytes = "size_bytes"
  }

  /// The context size that the model was packaged with, else the one that its GGUF names; tokens.
  package var contextSize: Int? {
    if let packaged = config.contextSize { return Int(packaged) }
    guard let gguf = config.gguf, let architecture = gguf["general.architecture"] else { return nil }
    return gguf["\(architecture).context_length"].flatMap(Int.init)
  }
}

/// An engine that has a model in memory, in `GET /models/{name}`.
package struct LoadedRunner: Codable, Sendable, Hashable {
  package var mode: String
  /// Tokens for each request, as the engine reports it.
  package var contextSize: Int?
  /// Requests that it works on at the same time.
  package var slots: Int?

  package init(mode: String, contextSize: Int?, slots: Int?) {
    self.mode = mode
    self.contextSize = contextSize
    self.slots = slots
  }

  enum CodingKeys: String, CodingKey {
    case mode, slots
    case contextSize = "context_size"
  }
}

/// One action of `DELETE /models/{name}`: exactly one member is present.
package struct DeleteAction: Codable, Sendable, Hashable {
  package var untagged: String?
  package var deleted: Digest?

  package init(untagged: String) { self.untagged = untagged }
  package init(deleted: Digest) { self.deleted = deleted }

  enum CodingKeys: String, CodingKey {
    case untagged = "Untagged"
    case deleted = "Deleted"
  }
}

/// Body of `POST /models/create`.
package struct PullRequest: Codable, Sendable {
  package var from: String
  package var bearerToken: String?
  /// Whether to refuse the model unless it is signed.
  package var verify: Bool?
  /// Public keys to verify it with, in PEM; absent: those of the configuration.
  package var verifyKeys: [String]?

  package init(from: String, bearerToken: String? = nil, verify: Bool? = nil, verifyKeys: [String]? = nil) {
    self.from = from
    self.bearerToken = bearerToken
    self.verify = verify
    self.verifyKeys = verifyKeys
  }

  enum CodingKeys: String, CodingKey {
    case from
    case bearerToken = "bearer-token"
    case verify
    case verifyKeys = "verify-keys"
  }
}

/// Body of `POST /models/{name}/push`; may be left out.
package struct PushRequest: Codable, Sendable, Hashable {
  package var bearerToken: String?
  /// Stored beside the model.
  package var signature: SignatureObject?

  package init(bearerToken: String? = nil, signature: SignatureObject? = nil) {
    self.bearerToken = bearerToken
    self.signature = signature
  }

  enum CodingKeys: String, CodingKey {
    case bearerToken = "bearer-token"
    case signature
  }
}

/// Answer of `POST /models/{name}/tag`.
package struct TagResponse: Codable, Sendable {
  package var message: String
  package var target: String

  package init(target: String) {
    message = "Model tagged successfully with \"\(target)\""
    self.target = target
  }
}

/// Body of `POST /models/{name}/repackage`.
package struct RepackageRequest: Codable, Sendable {
  package var target: String
  /// Tokens; absent keeps the packaged one.
  package var contextSize: Int64?

  package init(target: String, contextSize: Int64?) {
    self.target = target
    self.contextSize = contextSize
  }

  enum CodingKeys: String, CodingKey {
    case target
    case contextSize = "context_size"
  }
}

/// Answer of `POST /models/{name}/repackage`.
package struct RepackageResponse: Codable, Sendable {
  package var message: String
  package var source: String
  package var target: String

  package init(source: String, target: String) {
    message = "Model repackaged successfully as \"\(target)\""
    self.source = source
    self.target = target
  }
}

/// Answer of `GET /version`.
package struct VersionResponse: Codable, Sendable {
  package var version: String

  package init(version: String) { self.version = version }
}

/// One running or loading engine in `GET /engines/ps`.
package struct RunnerObject: Codable, Sendable {
  package var backendName: String
  package var modelName: String
  package var mode: String
  /// RFC 3339; the zero time `0001-01-01T00:00:00Z` while in use or loading.
  package var lastUsed: String
  package var inUse: Bool?
  package var loading: Bool?
  package var keepAlive: String?
  /// It finishes what it has and takes nothing new.
  package var draining: Bool?
  /// Tokens for each request, as the engine reports it.
  package var contextSize: Int?
  /// Requests that the engine works on at the same time.
  package var slots: Int?
  package var pid: Int32?
  /// The engine could not be loaded, or ended by itself. Shown for a while.
  package var failed: Bool?
  /// Why it failed, in one line.
  package var error: String?
  /// What kind of failure it is: `out_of_memory`.
  package var reason: String?
  /// Bytes that the engine takes now, and that it was expected to take.
  package var memory: Int64?
  package var memoryEstimate: Int64?

  package init(
    backendName: String, modelName: String, mode: String, lastUsed: String, inUse: Bool, loading: Bool,
    keepAlive: String? = nil, draining: Bool = false, contextSize: Int? = nil, slots: Int? = nil, pid: Int32? = nil,
    memory: Int64? = nil, memoryEstimate: Int64? = nil
  ) {
    self.backendName = backendName
    self.modelName = modelName
    self.mode = mode
    self.lastUsed = lastUsed
    self.inUse = inUse ? true : nil
    self.loading = loading ? true : nil
    self.keepAlive = keepAlive
    self.draining = draining ? true : nil
    self.contextSize = contextSize
    self.slots = slots
    self.pid = pid
    self.memory = memory
    self.memoryEstimate = memoryEstimate
  }

  /// A runner that failed.
  package init(failed modelName: String, backendName: String, mode: String, error: String, reason: String?) {
    self.init(
      backendName: backendName, modelName: modelName, mode: mode, lastUsed: "0001-01-01T00:00:00Z", inUse: false,
      loading: false)
    failed = true
    self.error = error
    self.reason = reason
  }

  enum CodingKeys: String, CodingKey {
    case backendName = "backend_name"
    case modelName = "model_name"
    case mode
    case lastUsed = "last_used"
    case inUse = "in_use"
    case loading
    case keepAlive = "keep_alive"
    case draining
    case contextSize = "context_size"
    case slots, pid, memory, failed, error, reason
    case memoryEstimate = "memory_estimate"
  }
}
