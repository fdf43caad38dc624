// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A layer whose content is a local file.
package struct PackagedLayer: Hashable, Sendable {
  package let descriptor: Descriptor
  package let file: FilePath

  package init(descriptor: Descriptor, file: FilePath) {
    self.descriptor = descriptor
    self.file = file
  }
}

/// A model that exists as local files, with the manifest and config that describe them. Nothing is stored yet.
package struct ModelPackage: Sendable {
  package let manifest: Manifest
  package let manifestBytes: [UInt8]
  package let configBytes: [UInt8]
  /// In the order of the manifest.
  package let layers: [PackagedLayer]
  /// Sentences for people about what could not be found out.
  package let warnings: [String]

  /// The manifest's digest.
  package let id: Digest

  package var config: Descriptor { manifest.config }

  /// Describes `layers` by a manifest and a config of Docker's model format, version 0.1.
  package init(config: ModelConfig, layers: [PackagedLayer], created: Date, warnings: [String] = []) throws {
    let configFile = DockerConfigFile(
      config: config, created: Timestamp(created).text, diffIDs: layers.map(\.descriptor.digest))
    configBytes = try configFile.serialized()
    let descriptor = Descriptor(
      mediaType: MediaType.configV01, size: Int64(configBytes.count), digest: Digest(of: configBytes))
    manifest = Manifest(config: descriptor, layers: layers.map(\.descriptor))
    manifestBytes = try manifest.serialized()
    id = Digest(of: manifestBytes)
    self.layers = layers
    self.warnings = warnings
  }
}
