// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// One model's settings in `GET /engines/_configure`.
package struct ConfiguredModelObject: Codable, Sendable {
  package var backend: String
  /// The model's first tag; empty when it has none.
  package var model: String
  package var modelID: Digest
  package var mode: String
  package var config: ModelSettings

  package init(backend: String, model: String, modelID: Digest, mode: String, config: ModelSettings) {
    self.backend = backend
    self.model = model
    self.modelID = modelID
    self.mode = mode
    self.config = config
  }

  enum CodingKeys: String, CodingKey {
    case backend = "Backend"
    case model = "Model"
    case modelID = "ModelID"
    case mode = "Mode"
    case config = "Config"
  }
}

/// Body of `POST /engines/unload`.
package struct UnloadRequest: Codable, Sendable {
  package var all: Bool?
  /// Empty or absent for every engine.
  package var backend: String?
  package var models: [String]?
  /// Models that answer a request take no new one, and go with their last answer.
  package var whenIdle: Bool?

  package init(all: Bool, backend: String? = nil, models: [String] = [], whenIdle: Bool = false) {
    self.all = all
    self.backend = backend ?? ""
    self.models = models
    self.whenIdle = whenIdle ? true : nil
  }

  enum CodingKeys: String, CodingKey {
    case all, backend, models
    case whenIdle = "when_idle"
  }
}

/// Answer of `POST /engines/unload`.
package struct UnloadResponse: Codable, Sendable {
  package var unloadedRunners: Int
  /// Names of models that stay, for now at least, because they are answering a request.
  package var inUse: [String]?

  package init(unloadedRunners: Int, inUse: [String]) {
    self.unloadedRunners = unloadedRunners
    self.inUse = inUse.isEmpty ? nil : inUse
  }

  enum CodingKeys: String, CodingKey {
    case unloadedRunners = "unloaded_runners"
    case inUse = "in_use"
  }
}

/// Body of `POST /engines/install-backend` and `POST /engines/uninstall-backend`.
package struct BackendRequest: Codable, Sendable {
  package var backend: String?
  package var version: String?

  package init(backend: String, version: String? = nil) {
    self.backend = backend
    self.version = version
  }
}
