// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// The files and facts of a model that an engine is started with.
package struct EngineModel: Sendable {
  package var id: Digest
  /// What the engine calls the model in its answers.
  package var name: String
  /// The first shard, when there are several.
  package var gguf: FilePath
  package var projector: FilePath?
  package var chatTemplate: FilePath?
  /// Tokens; nil leaves the choice to the engine.
  package var contextSize: Int?
  /// Whether the weights say how to pool token embeddings.
  package var definesPooling: Bool

  package init(
    id: Digest, name: String, gguf: FilePath, projector: FilePath? = nil, chatTemplate: FilePath? = nil,
    contextSize: Int? = nil,
    definesPooling: Bool = false
  ) {
    self.id = id
    self.name = name
    self.gguf = gguf
    self.projector = projector
    self.chatTemplate = chatTemplate
    self.contextSize = contextSize
    self.definesPooling = definesPooling
  }
}
