// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// A model's files as an engine wants them: a folder with names instead of digests.
package struct Bundle: Hashable, Sendable {
  package let root: FilePath
  /// Where the model's files are, `model` under the root.
  package let modelDirectory: FilePath
  /// The GGUF file, or the first of its shards. Nil for models in other formats.
  package let ggufPath: FilePath?
  /// The safetensors file, or the first of its shards.
  package let safetensorsPath: FilePath?
  package let ddufPath: FilePath?
  /// The projector of a model that also reads images or sound.
  package let mmprojPath: FilePath?
  /// A Jinja template.
  package let chatTemplatePath: FilePath?
  package let config: ModelConfig
}
