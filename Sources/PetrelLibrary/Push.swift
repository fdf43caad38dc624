// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelStore

/// One push: layers and config, then the manifest under the reference's tag.
struct Push: Sendable {
  static let parallelLayers = 4
  /// Repositories that are asked whether they have a blob.
  private static let maximumSources = 3

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
    let repositories = try await repositories()
    try await forEach(layers, atATime: Self.parallelLayers) { layer in
      try await push(layer, repositories[layer.digest] ?? []) { feed.report(layer, current: $0) }
    }
    try await push(config, repositories[config.digest] ?? []) { _ in }
    try await signature?.run(Digest(of: manifest))
    _ = try await source.pushManifest(
      manifest, mediaType: model.manifest.mediaType ?? MediaType.ociManifest, to: reference, bearerToken: bearerToken)
    return "Model pushed successfully"
  }

  /// For each blob, other repositories of the same registry that may have it: those from which models with this blob
  /// came, or to which they were pushed. Tags are all that is known of that. The model's own come first.
  private func repositories() async throws -> [Digest: [String]] {
    let others = try await store.list().filter { $0.id != model.id }
    var found: [Digest: [String]] = [:]
    for other in [model] + others {
      let names = other.tags.compactMap { try? ModelReference(parsing: $0) }
        .filter { $0.registry == reference.registry && $0.repository != reference.repository }.map(\.repository)
      guard !names.isEmpty else { continue }
      for blob in other.manifest.blobs {
        for name in names where !(found[blob.digest] ?? []).contains(name) {
          found[blob.digest, default: []].append(name)
        }
      }
    }
    return found.mapValues { Array($0.prefix(Self.maximumSources)) }
  }

  private func push(
    _ blob: Descriptor, _ repositories: [String], progress: @escaping @Sendable (Int64) -> Void
  ) async throws {
    let path = try await store.blobPath(blob)
    try await source.pushBlob(
      blob, to: reference, mountingFrom: repositories, bearerToken: bearerToken, content: FileContent(path),
      progress: progress)
  }
}

/// Runs `body` for each element, a few at a time. The first error ends it.
func forEach<Element: Sendable>(
  _ elements: [Element], atATime limit: Int, _ body: @escaping @Sendable (Element) async throws -> Void
) async throws {
  var waiting = elements[...]
  try await withThrowingTaskGroup(of: Void.self) { group in
    func addNext() {
      guard let element = waiting.popFirst() else { return }
      group.addTask { try await body(element) }
    }
    for _ in 0..<limit { addNext() }
    while try await group.next() != nil { addNext() }
  }
}
