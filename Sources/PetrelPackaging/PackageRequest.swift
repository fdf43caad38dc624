// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The flavour of manifest and config.
package enum ArtifactFormat: String, Sendable, CaseIterable {
  /// Docker's model format.
  case docker
  /// CNCF ModelPack.
  case cncf
}

/// A model that exists already, by its documents. Its layers stay where they are.
package struct StoredArtifact: Hashable, Sendable {
  package let manifest: [UInt8]
  package let config: [UInt8]

  package init(manifest: [UInt8], config: [UInt8]) {
    self.manifest = manifest
    self.config = config
  }
}

/// What a model is to be made of.
package struct PackageRequest: Sendable {
  package enum Source: Sendable {
    /// A GGUF, safetensors or DDUF file, or any shard of one: the others are taken from the same folder.
    case weights(FilePath)
    /// All files below a folder, each at its path.
    case directory(FilePath)
    /// Another model, which what follows is added to.
    case model(StoredArtifact)
  }

  package var source: Source
  package var licenses: [FilePath]
  /// A Jinja template.
  package var chatTemplate: FilePath?
  /// A multimodal projector, itself a GGUF file.
  package var mmproj: FilePath?
  /// Folders that become one layer each and are unpacked beside the weights.
  package var directoryTars: [FilePath] = []
  /// Further layers by their media types. A variant's takes the place of its source's of that type.
  package var documents: [String: FilePath] = [:]
  /// Tokens, 1 to 2147483647. Overrides what the weights say.
  package var contextSize: Int64?
  /// Nil: Docker's, or for a variant what its source has.
  package var format: ArtifactFormat?
  package var created: Date
  /// Files that were modified later are described as if they were modified then.
  package var latestModification: Date?

  package init(
    source: Source, licenses: [FilePath] = [], chatTemplate: FilePath? = nil, mmproj: FilePath? = nil,
    contextSize: Int64? = nil, created: Date
  ) {
    self.source = source
    self.licenses = licenses
    self.chatTemplate = chatTemplate
    self.mmproj = mmproj
    self.contextSize = contextSize
    self.created = created
  }

  package init(
    gguf: FilePath, licenses: [FilePath] = [], chatTemplate: FilePath? = nil, mmproj: FilePath? = nil,
    contextSize: Int64? = nil, created: Date
  ) {
    self.init(
      source: .weights(gguf), licenses: licenses, chatTemplate: chatTemplate, mmproj: mmproj, contextSize: contextSize,
      created: created)
  }
}
