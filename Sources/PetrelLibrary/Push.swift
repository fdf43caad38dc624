// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelStore

/// One push: layers and config, then the manifest under the reference's tag.
struct Push: Sendable {
  static let parallelLayers = 4

  let source: any ArtifactSource
  let store: ModelStore
  let model: StoredModel
  let reference: ModelReference
  let bearerToken: String?
  var signature: SignatureUpload?

  /// Returns the text of the success line.
  func run(_ feed: ProgressFeed) async throws -> String {
    let hold = try await store.hold(model.manifest.blobs.map(\.digest))
    defer { withExtendedLifetime(hold) {} }
    let manifest = try await store.manifestBytes(model.id)
    let config = model.manifest.config
    let layers = model.manifest.blobs.filter { $0.digest != config.digest }
    feed.start(total: model.layerSize)
    var waiting = layers[...]
    try await withThrowingTaskGroup(of: Void.self) { group in
      func addNext() {
        guard let layer = waiting.popFirst() else { return }
        group.addTask { try await push(layer) { feed.report(layer, current: $0) } }
      }
      for _ in 0..<Self.parallelLayers { addNext() }
      while try await group.next() != nil { addNext() }
    }
    try await push(config) { _ in }
    try await signature?.run(Digest(of: manifest))
    _ = try await source.pushManifest(
      manifest, mediaType: model.manifest.mediaType ?? MediaType.ociManifest, to: reference, bearerToken: bearerToken)
    return "Model pushed successfully"
  }

  private func push(_ blob: Descriptor, progress: @escaping @Sendable (Int64) -> Void) async throws {
    let path = try await store.blobPath(blob)
    try await source.pushBlob(
      blob, to: reference, bearerToken: bearerToken, body: { try FileChunks(path) }, progress: progress)
  }
}
