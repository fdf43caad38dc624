// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelMemory
import PetrelOCI
import SystemPackage

/// What makes a runner the right one for a request. Two names of one model share a runner.
package struct RunnerKey: Hashable, Sendable {
  package let model: Digest
  package let mode: EngineMode

  package init(model: Digest, mode: EngineMode) {
    self.model = model
    self.mode = mode
  }
}

/// Identifies one engine process for the life of the daemon; never used again.
package typealias RunnerID = UInt64

/// A model that a request names, resolved.
package struct RequestedModel: Sendable {
  package let id: Digest
  /// As the request wrote it.
  package let name: String
  /// The board's generation of names when `name` was looked up. Nil when names can't have changed meanwhile.
  package var namesGeneration: UInt64?
  package var options = RequestOptions()
  /// Unpacks the model's files. Runs only when an engine has to be started, as part of the load.
  package let prepare: @Sendable () async throws -> EngineModel
  /// Kept until the load has ended: as long as it lives, the files that `prepare` gives stay where they are.
  package var hold: (any Sendable)?
  /// After an engine has failed to load the model: what is wrong with the model's files, or nil.
  package var explainFailure: (@Sendable () async -> String?)?
  /// Finds the weights of the model that is to draft for this one.
  package let prepareDraft: @Sendable (String) async throws -> DraftModel

  package init(
    id: Digest, name: String, prepare: @escaping @Sendable () async throws -> EngineModel,
    prepareDraft: @escaping @Sendable (String) async throws -> DraftModel = { draft in
      throw EngineError(.unsupportedModel, "the draft model \(draft) can't be used here")
    }
  ) {
    self.id = id
    self.name = name
    self.prepare = prepare
    self.prepareDraft = prepareDraft
  }
}

/// The weights of a model that drafts for another one.
package struct DraftModel: Sendable {
  package let gguf: FilePath
  package let shape: ModelShape?
  /// As long as it lives, the file stays where it is.
  package let hold: (any Sendable)?

  package init(gguf: FilePath, shape: ModelShape? = nil, hold: (any Sendable)? = nil) {
    self.gguf = gguf
    self.shape = shape
    self.hold = hold
  }
}
