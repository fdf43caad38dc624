// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A file, or a folder as one, that is to become a layer and is not hashed yet.
struct LayerInput {
  enum Content {
    case file(LocalFile)
    case tar(DirectoryTar)
  }

  let content: Content
  var mediaType: String
  /// In the model, with `/`.
  var path: String

  init(_ file: LocalFile, mediaType: String, path: String? = nil) {
    content = .file(file)
    self.mediaType = mediaType
    self.path = path ?? file.name
  }

  init(_ tar: DirectoryTar) {
    content = .tar(tar)
    mediaType = MediaType.directoryTar
    path = tar.name
  }

  /// Reads and hashes the content.
  ///
  /// - Parameter latest: the latest modification time to write down.
  func layer(latest: Date?) async throws -> PackagedLayer {
    let metadata: FileMetadata
    let digest: Digest
    let content: PackagedLayer.Content
    let name = String(path.split(separator: "/").last ?? "")
    switch self.content {
    case .file(let file):
      var modified = file.modified
      if let latest = latest.map(Timestamp.init), latest < modified { modified = latest }
      metadata = FileMetadata(name: name, mode: file.mode, size: file.byteCount, mtime: modified.text)
      digest = try await file.digest()
      content = .file(file.path, file.identity)
    case .tar(let tar):
      // It has no time of its own, and needs none.
      metadata = FileMetadata(
        name: name, mode: 0o644, size: tar.size, mtime: Timestamp(seconds: 0, nanoseconds: 0).text)
      digest = try await tar.digest()
      content = .tar(tar)
    }
    let descriptor = Descriptor(
      mediaType: mediaType, size: metadata.size, digest: digest,
      annotations: [
        LayerAnnotation.filePath: path,
        LayerAnnotation.fileMetadata: try CanonicalJSONEncoder().encode(metadata),
        LayerAnnotation.mediaTypeUntested: "false",
      ])
    return PackagedLayer(descriptor: descriptor, content: content)
  }
}

/// The value of the annotation `org.cncf.model.file.metadata+json`. The order of members is the order on the wire.
///
/// Source: CNCF ModelPack specification, annotations.
private struct FileMetadata: Encodable {
  let name: String
  /// Permission bits.
  let mode: Int
  let uid = 0
  let gid = 0
  let size: Int64
  /// RFC 3339.
  let mtime: String
  /// A regular file.
  let typeflag = 0
}
