// SPDX-License-Identifier: Apache-2.0

import PetrelMemory
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
  /// Tokens, as the model was packaged: -1 for all that the model was trained with. Nil, and any other number below 1,
  /// leaves the choice to the engine.
  package var contextSize: Int?
  /// The context size that the weights were trained with, tokens.
  package var trainedContextSize: Int?
  /// Whether the weights say how to pool token embeddings.
  package var definesPooling: Bool
  /// The weights of the model that drafts for this one.
  package var draft: FilePath?
  /// What decides how much memory the engine takes; nil when the files don't tell.
  package var shape: ModelShape?
  package var draftShape: ModelShape?
  /// Of the projector's file.
  package var projectorSize: ByteCount?

  package init(
    id: Digest, name: String, gguf: FilePath, projector: FilePath? = nil, chatTemplate: FilePath? = nil,
    contextSize: Int? = nil, trainedContextSize: Int? = nil,
    definesPooling: Bool = false
  ) {
    self.id = id
    self.name = name
    self.gguf = gguf
    self.projector = projector
    self.chatTemplate = chatTemplate
    self.contextSize = contextSize
    self.trainedContextSize = trainedContextSize
    self.definesPooling = definesPooling
  }
}
