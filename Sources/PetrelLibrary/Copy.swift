// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelRegistry

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One copy from registry to registry: layers and config, then the manifest, byte for byte, under the target's tag.
/// The store is not concerned.
struct Copy: Sendable {
  let source: any ArtifactSource
  let from: ModelReference
  let to: ModelReference

  /// Returns the text of the success line. Errors before `feed` has started are about the references.
  func run(_ feed: ProgressFeed) async throws -> String {
    let fetched = try await source.manifest(from, bearerToken: nil)
    try refuseIndex(fetched.bytes)
    let manifest = try Manifest(decoding: fetched.bytes)
    let config = manifest.config
    let layers = manifest.blobs.filter { $0.digest != config.digest }
    feed.start(total: layers.reduce(0) { $0.addingReportingOverflow($1.size).partialValue })
    try await forEach(layers, atATime: Push.parallelLayers) { layer in
      try await copy(layer) { feed.report(layer, current: $0) }
    }
    try await copy(config) { _ in }
    _ = try await source.pushManifest(
      fetched.bytes, mediaType: manifest.mediaType ?? MediaType.ociManifest, to: to, bearerToken: nil)
    return "Model copied successfully"
  }

  private func refuseIndex(_ bytes: [UInt8]) throws {
    struct View: Decodable { var manifests: [Entry] }
    struct Entry: Decodable {}
    guard (try? JSONDecoder().decode(View.self, from: Data(bytes))) != nil else { return }
    throw LibraryError(
      .unsupportedArtifact, "\(from) is an index of several artifacts and not a model; copy one of them by its digest")
  }

  private func copy(_ blob: Descriptor, progress: @escaping @Sendable (Int64) -> Void) async throws {
    try await source.pushBlob(
      blob, to: to, mountingFrom: from.registry == to.registry ? [from.repository] : [], bearerToken: nil,
      content: RemoteContent(blob, of: from, from: source, bearerToken: nil), progress: progress)
  }
}
