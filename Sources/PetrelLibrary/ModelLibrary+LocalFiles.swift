// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import SystemPackage

extension ModelLibrary {
  /// Adds a model whose new layers are files of this machine: they become blobs without a copy where the file system
  /// allows it. The model appears with its tag when all of them are there.
  ///
  /// Whoever may call this makes the daemon read any file that the daemon may read.
  package func adopt(_ request: AdoptRequest) async throws -> AdoptResponse {
    try await translatingArchiveErrors {
      let reference = try request.tag.map { try tagReference($0) }
      let manifest = try Manifest(decoding: Array(request.manifest.utf8))
      let hold = try await store.hold(manifest.blobs.map(\.digest))
      defer { withExtendedLifetime(hold) {} }
      let wanted = Set(manifest.layers.map(\.digest))
      var response = AdoptResponse(id: Digest(ofText: request.manifest))
      for file in request.files where wanted.contains(file.digest) {
        guard file.path.hasPrefix("/") else {
          throw LibraryError(.invalidRequest, "\(quoted(file.path)) is not an absolute path")
        }
        let blob = LocalBlob(
          path: FilePath(file.path), digest: file.digest, size: file.size, device: file.device, inode: file.inode,
          modified: file.modified)
        switch try await store.take(blob, mayLink: request.link ?? false) {
        case .alreadyPresent: response.present += 1
        case .cloned: response.cloned += 1
        case .linked: response.linked += 1
        case .copied: response.copied += 1
        }
      }
      try await store.writeBlob(Array(request.config.utf8), as: manifest.config)
      _ = try await store.commit(manifest: Array(request.manifest.utf8), id: response.id, tag: reference)
      changed()
      return response
    }
  }

  /// The manifest and the config of a model, byte for byte.
  package func documents(_ text: String) async throws -> ArtifactDocuments {
    let model = try await resolve(text)
    return try await translatingErrors {
      let manifest = try await store.manifestBytes(model.id)
      let config = try await store.blobBytes(model.manifest.config)
      // Both have been parsed as JSON, so they are text.
      return ArtifactDocuments(
        id: model.id, manifest: String(decoding: manifest, as: UTF8.self),
        config: String(decoding: config, as: UTF8.self))
    }
  }
}
