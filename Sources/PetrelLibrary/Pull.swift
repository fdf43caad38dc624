// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelRegistry
import PetrelStore

/// One pull: manifest, config, missing layers, then the model appears in the store with its tag.
struct Pull: Sendable {
  let source: any ArtifactSource
  let store: ModelStore
  let retryPolicy: RetryPolicy
  let reference: ModelReference
  let bearerToken: String?
  let downloads: SharedDownloads
  let signatures: SignatureCheck

  /// Tries at a manifest when the model is at hand: nobody should wait long for a network that is not there.
  private static let triesWithModel = 2

  /// Returns the text of the success line. Errors before `feed` has started are about the reference.
  func run(_ feed: ProgressFeed) async throws -> String {
    let local = try await store.findWhole(reference)
    let fetched: ArtifactManifest
    do {
      fetched = try await source.manifest(
        reference, tries: local == nil ? .max : Self.triesWithModel, bearerToken: bearerToken)
    } catch let error as RegistryError where error.isAbsence {
      guard let local else { throw error }
      try signatures.runWithoutSignatures(feed, because: error.message)
      return usingCached(local) + "; not checked: \(error.message)"
    }
    guard Digest(of: fetched.bytes) == fetched.digest, reference.digest.map({ $0 == fetched.digest }) ?? true else {
      throw LibraryError(.registry, "the manifest of \(reference) does not match its digest")
    }
    let manifest = try Manifest(decoding: fetched.bytes)
    try await signatures.run(fetched.digest, feed)
    let hold = try await store.hold(manifest.blobs.map(\.digest))
    defer { withExtendedLifetime(hold) {} }

    let missing = try await missingBlobs(manifest)
    if missing.isEmpty, let model = try? await store.find(fetched.digest) {
      try await store.tag(model.id, as: reference)
      return usingCached(model)
    }
    let summary = try await bringConfig(manifest.config)
    // Nobody should learn after hours of download that it was for nothing.
    try ModelStore.checkUsable(manifest, summary)
    let layers = manifest.blobs.filter { $0.digest != manifest.config.digest }
    try await ensureSpace(for: missing)
    feed.start(total: try totalSize(layers))
    try await bring(layers, missing: Set(missing.map(\.digest)), feed)
    _ = try await store.commit(manifest: fetched.bytes, id: fetched.digest, tag: reference)
    return "Model pulled successfully"
  }

  private func usingCached(_ model: StoredModel) -> String {
    "Using cached model: \(reference.displayName) (\(model.id.short))"
  }

  private func missingBlobs(_ manifest: Manifest) async throws -> [Descriptor] {
    var missing: [Descriptor] = []
    for blob in manifest.blobs where try await !store.contains(blob) { missing.append(blob) }
    return missing
  }

  private func totalSize(_ layers: [Descriptor]) throws -> Int64 {
    try layers.reduce(into: Int64(0)) { total, layer in
      let (sum, overflow) = total.addingReportingOverflow(layer.size)
      guard !overflow else {
        throw LibraryError(.unsupportedArtifact, "the manifest is not valid: its layers are too large")
      }
      total = sum
    }
  }

  private func bringConfig(_ config: Descriptor) async throws -> ConfigSummary {
    let bytes: [UInt8]
    if try await store.contains(config) {
      bytes = try await store.blobBytes(config)
    } else {
      bytes = try await source.blob(
        config, of: reference, limit: Int64(ModelStore.maximumConfigSize), bearerToken: bearerToken)
      try await store.writeBlob(bytes, as: config)
    }
    // A model that could not be listed afterwards is refused before its layers move.
    return try ConfigSummary(decoding: bytes)
  }

  private func ensureSpace(for missing: [Descriptor]) async throws {
    var needed: Int64 = 0
    for blob in missing {
      let left = max(0, blob.size - (try await store.partialSize(blob.digest)))
      needed = needed.addingReportingOverflow(left).overflow ? .max : needed + left
    }
    try await store.ensureSpace(for: needed)
  }

  private func bring(_ layers: [Descriptor], missing: Set<Digest>, _ feed: ProgressFeed) async throws {
    for layer in layers where !missing.contains(layer.digest) { feed.report(layer, current: layer.size) }
    var waiting = layers.filter { missing.contains($0.digest) }[...]
    try await withThrowingTaskGroup(of: Void.self) { group in
      func addNext() {
        guard let layer = waiting.popFirst() else { return }
        let fetch = BlobFetch(
          source: source, store: store, retryPolicy: retryPolicy, reference: reference, bearerToken: bearerToken,
          blob: layer, downloads: downloads, progress: { feed.report(layer, current: $0) })
        group.addTask { try await fetch.run() }
      }
      for _ in 0..<max(1, downloads.limits.layers) { addNext() }
      while try await group.next() != nil { addNext() }
    }
  }
}
