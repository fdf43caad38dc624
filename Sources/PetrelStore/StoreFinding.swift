// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// Something in a store's folder that is not as it should be, or that no model needs.
package struct StoreFinding: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    /// `models.json` can't be understood.
    case unreadableIndex = "unreadable-index"
    /// An entry of the index whose ID is no digest.
    case invalidEntry = "invalid-entry"
    /// An entry of the index whose files are not those of the manifest.
    case wrongFileList = "wrong-file-list"
    case missingManifest = "missing-manifest"
    /// A manifest whose bytes are not those its name promises, or that is no model's.
    case damagedManifest = "damaged-manifest"
    case missingBlob = "missing-blob"
    /// A blob of the wrong size, or with other bytes than its name promises.
    case damagedBlob = "damaged-blob"
    /// A bundle with files that are not the model's. The next load makes it anew.
    case staleBundle = "stale-bundle"
    // No damage: files that no model needs.
    case orphanBlob = "orphan-blob"
    case orphanManifest = "orphan-manifest"
    case orphanBundle = "orphan-bundle"
    case partialDownload = "partial-download"
    /// What a write that was cut short has left.
    case leftover

    package var isDamage: Bool {
      switch self {
      case .orphanBlob, .orphanManifest, .orphanBundle, .partialDownload, .leftover: false
      default: true
      }
    }
  }

  package let kind: Kind
  package let path: FilePath
  /// Of the blob or manifest that `path` is about.
  package let digest: Digest?
  /// The models that suffer.
  package let models: [Digest]
  /// Bytes on the disk.
  package let size: Int64
  /// A sentence for people.
  package let message: String

  init(
    _ kind: Kind, _ path: FilePath, _ message: String, digest: Digest? = nil, models: [Digest] = [], size: Int64 = 0
  ) {
    self.kind = kind
    self.path = path
    self.digest = digest
    self.models = models
    self.size = size
    self.message = message
  }
}
