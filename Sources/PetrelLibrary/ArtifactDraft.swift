// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire

/// A model in the making: layers whose digests are known, and what the config says of them.
struct ArtifactDraft: Sendable {
  /// Stands for a modification time that nobody knows.
  static let unknownTime = "1970-01-01T00:00:00Z"

  var configType = MediaType.configV01
  var config: ModelConfig
  /// RFC 3339, in UTC.
  var created: String
  var layers: [Descriptor]
  /// Of the manifest.
  var annotations: [String: String] = [:]

  struct Sealed: Sendable {
    let manifest: [UInt8]
    let id: Digest
    let config: [UInt8]
    let configDescriptor: Descriptor
  }

  func sealed() throws -> Sealed {
    let bytes = try DockerConfigFile(config: config, created: created, diffIDs: layers.map(\.digest)).serialized()
    let descriptor = Descriptor(mediaType: configType, size: Int64(bytes.count), digest: Digest(of: bytes))
    var manifest = Manifest(config: descriptor, layers: layers)
    manifest.annotations = annotations.isEmpty ? nil : annotations
    let manifestBytes = try manifest.serialized()
    return Sealed(manifest: manifestBytes, id: Digest(of: manifestBytes), config: bytes, configDescriptor: descriptor)
  }

  /// A layer with the annotations that packaging gives to a file.
  ///
  /// - Parameters:
  ///   - path: inside the model.
  ///   - modified: RFC 3339, in UTC.
  static func layer(
    _ mediaType: String, path: String, size: Int64, digest: Digest, modified: String
  ) throws -> Descriptor {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return Descriptor(
      mediaType: mediaType, size: size, digest: digest,
      annotations: [
        LayerAnnotation.filePath: path,
        LayerAnnotation.fileMetadata: try CanonicalJSONEncoder().encode(
          FileMetadata(name: name, size: size, mtime: modified)),
        LayerAnnotation.mediaTypeUntested: "false",
      ])
  }

  /// The value of the annotation `org.cncf.model.file.metadata+json`, in the order of the wire. Mode and owner are the
  /// same for everybody, so that the same files make the same model everywhere.
  ///
  /// Source: CNCF ModelPack specification, annotations.
  private struct FileMetadata: Encodable {
    let name: String
    /// 0644.
    let mode = 420
    let uid = 0
    let gid = 0
    let size: Int64
    let mtime: String
    /// A regular file.
    let typeflag = 0
  }
}
