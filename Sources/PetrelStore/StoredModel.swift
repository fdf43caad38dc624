// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// A model of the store.
package struct StoredModel: Hashable, Sendable {
  /// The manifest's digest.
  package let id: Digest
  /// Fully qualified; may be empty.
  package let tags: [String]
  package let manifest: Manifest
  package let summary: ConfigSummary

  package var config: ModelConfig { summary.config }
  /// Whether the artifact is one of CNCF ModelPack, by its manifest or by the structure of its config.
  package var isModelPack: Bool { manifest.isModelPack || summary.isModelPack }
  /// Seconds since 1970, 0 when the packager did not say.
  package var created: Int64 { summary.created }
  /// Bytes of all layers, each digest once.
  package var layerSize: Int64 {
    var seen: Set<Digest> = []
    return manifest.layers.reduce(into: Int64(0)) { total, layer in
      if seen.insert(layer.digest).inserted { total = total.addingReportingOverflow(layer.size).partialValue }
    }
  }
}

/// One action of a removal.
package enum Removal: Hashable, Sendable {
  case untagged(String)
  case deleted(Digest)
}
