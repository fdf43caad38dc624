// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelLibrary {
  /// Makes a variant of a model that shares its layers and differs in the context size, or just gives it another name.
  ///
  /// - Parameters:
  ///   - text: the source, as ``resolve(_:)`` takes it.
  ///   - target: the variant's tag.
  ///   - contextSize: tokens; nil keeps the packaged one.
  package func repackage(_ text: String, as target: String, contextSize: Int64?) async throws -> StoredModel {
    let source = try await resolve(text)
    return try await translatingErrors {
      let reference = try tagReference(target)
      let hold = try await store.hold(source.manifest.blobs.map(\.digest))
      defer { withExtendedLifetime(hold) {} }
      var manifest = try await store.manifestBytes(source.id)
      if let contextSize {
        guard let size = Int32(exactly: contextSize), size > 0 else {
          throw LibraryError(.invalidRequest, "invalid context size \(contextSize): want 1 to \(Int32.max) tokens")
        }
        manifest = try await variant(of: source, contextSize: size)
      }
      let model = try await store.commit(manifest: manifest, tag: reference)
      changed()
      return model
    }
  }

  /// Writes the variant's config and returns its manifest. Media types stay what they are.
  private func variant(of source: StoredModel, contextSize: Int32) async throws -> [UInt8] {
    guard source.manifest.config.mediaType != MediaType.configCNCF,
      source.manifest.artifactType != MediaType.cncfManifest
    else {
      throw LibraryError(
        .invalidRequest,
        "the context size of \(source.id.short) cannot be set: the CNCF ModelPack specification does not define a "
          + "context size field")
    }
    let old = try await store.blobBytes(source.manifest.config)
    let created = try? JSONDecoder().decode(CreationView.self, from: Data(old)).descriptor?.created
    var file = DockerConfigFile(config: source.config, created: "", diffIDs: source.manifest.layers.map(\.digest))
    file.descriptor.created = created
    file.config.contextSize = contextSize
    let config = try file.serialized()
    var manifest = source.manifest
    manifest.config.size = Int64(config.count)
    manifest.config.digest = Digest(of: config)
    try await store.writeBlob(config, as: manifest.config)
    return try manifest.serialized()
  }

  private struct CreationView: Decodable {
    struct Descriptor: Decodable { var created: String? }
    var descriptor: Descriptor?
  }
}
