// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that a model is to be made of.
package struct PackageRequest: Sendable {
  /// A GGUF file, or any shard of one: the others are taken from the same folder.
  package var gguf: FilePath
  package var licenses: [FilePath]
  /// A Jinja template.
  package var chatTemplate: FilePath?
  /// A multimodal projector, itself a GGUF file.
  package var mmproj: FilePath?
  /// Tokens, 1 to 2147483647. Overrides what the weights say.
  package var contextSize: Int64?
  package var created: Date

  package init(
    gguf: FilePath, licenses: [FilePath] = [], chatTemplate: FilePath? = nil, mmproj: FilePath? = nil,
    contextSize: Int64? = nil, created: Date
  ) {
    self.gguf = gguf
    self.licenses = licenses
    self.chatTemplate = chatTemplate
    self.mmproj = mmproj
    self.contextSize = contextSize
    self.created = created
  }
}
