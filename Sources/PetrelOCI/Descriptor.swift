// SPDX-License-Identifier: Apache-2.0

/// A pointer to a blob. The order of members is the order on the wire.
///
/// Source: OCI image specification, descriptor.md.
package struct Descriptor: Hashable, Sendable, Codable {
  package var mediaType: String
  /// Bytes.
  package var size: Int64
  package var digest: Digest
  package var annotations: [String: String]?

  package init(mediaType: String, size: Int64, digest: Digest, annotations: [String: String]? = nil) {
    self.mediaType = mediaType
    self.size = size
    self.digest = digest
    self.annotations = annotations
  }

  /// The file's path inside the model, as the packager wrote it. Not yet checked: see ``ModelPath``.
  package var annotatedPath: String? { annotations?[LayerAnnotation.filePath] }
}

/// Annotation keys of layers. Source: CNCF ModelPack specification.
package enum LayerAnnotation {
  package static let filePath = "org.cncf.model.filepath"
  package static let fileMetadata = "org.cncf.model.file.metadata+json"
  package static let mediaTypeUntested = "org.cncf.model.file.mediatype.untested"
}
