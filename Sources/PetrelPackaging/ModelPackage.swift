// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A layer and where its content is.
package struct PackagedLayer: Hashable, Sendable {
  package enum Content: Hashable, Sendable {
    /// - Parameter identity: the file in the state in which it was hashed; nil when nobody looked.
    case file(FilePath, FileIdentity?)
    case tar(DirectoryTar)
    /// With the model that the variant was made of.
    case stored
  }

  package let descriptor: Descriptor
  package let content: Content

  package init(descriptor: Descriptor, content: Content) {
    self.descriptor = descriptor
    self.content = content
  }

  package init(descriptor: Descriptor, file: FilePath) {
    self.init(descriptor: descriptor, content: .file(file, nil))
  }
}

/// A model that exists as local files, with the manifest and config that describe them. Nothing is stored yet.
package struct ModelPackage: Sendable {
  package let manifest: Manifest
  package let manifestBytes: [UInt8]
  package let configBytes: [UInt8]
  /// In the order of the manifest.
  package let layers: [PackagedLayer]
  /// Sentences for people about what could not be found out, or not be as they may expect.
  package let warnings: [String]

  /// The manifest's digest.
  package let id: Digest

  package var config: Descriptor { manifest.config }

  /// Describes `layers` by a manifest and a config of Docker's model format.
  ///
  /// - Parameter configType: of version 0.1, whose files get fixed names when they are unpacked, or 0.2, whose files get
  ///   their annotated paths.
  package init(
    config: ModelConfig, layers: [PackagedLayer], created: Date, warnings: [String] = [],
    configType: String = MediaType.configV01
  ) throws {
    let file = DockerConfigFile(
      config: config, created: Timestamp(created).text, diffIDs: layers.map(\.descriptor.digest))
    try self.init(configBytes: try file.serialized(), configType: configType, layers: layers, warnings: warnings)
  }

  /// - Parameter configBytes: names the layers' digests in their order.
  init(
    configBytes: [UInt8], configType: String, artifactType: String? = nil, layers: [PackagedLayer], warnings: [String]
  ) throws {
    let descriptor = Descriptor(
      mediaType: configType, size: Int64(configBytes.count), digest: Digest(of: configBytes))
    let manifest = Manifest(artifactType: artifactType, config: descriptor, layers: layers.map(\.descriptor))
    try self.init(
      manifest: manifest, manifestBytes: try manifest.serialized(), configBytes: configBytes, layers: layers,
      warnings: warnings)
  }

  init(
    manifest: Manifest, manifestBytes: [UInt8], configBytes: [UInt8], layers: [PackagedLayer], warnings: [String]
  ) throws {
    guard manifestBytes.count <= Manifest.maximumSize else {
      throw PackagingError(
        .manifestTooLarge,
        "the manifest would have \(manifestBytes.count) bytes, and registries take \(Manifest.maximumSize): package "
          + "fewer files")
    }
    self.manifest = manifest
    self.manifestBytes = manifestBytes
    self.configBytes = configBytes
    self.layers = layers
    self.warnings = warnings
    id = Digest(of: manifestBytes)
  }
}
