// SPDX-License-Identifier: Apache-2.0

/// Answer of `GET /engines/df`. Sizes are in bytes; a file with several names counts once.
package struct DiskUsage: Codable, Sendable, Hashable {
  /// One kind of files.
  package struct Part: Codable, Sendable, Hashable {
    /// `Models`, `Partial downloads` and so on.
    package var type: String
    package var count: Int
    package var size: Int64
    /// Of `size`, what can be freed.
    package var reclaimable: Int64
    /// The command that frees it; absent when there is nothing to free.
    package var command: String?

    package init(type: String, count: Int, size: Int64, reclaimable: Int64 = 0, command: String? = nil) {
      self.type = type
      self.count = count
      self.size = size
      self.reclaimable = reclaimable
      self.command = reclaimable > 0 ? command : nil
    }
  }

  /// All of the store's folder.
  package var modelsDiskUsage: Int64
  package var defaultBackendDiskUsage: Int64
  /// Of the models, what several of them share. Not sent by other daemons.
  package var shared: Int64?
  /// The same by kind. Not sent by other daemons.
  package var parts: [Part]?

  package init(modelsDiskUsage: Int64, defaultBackendDiskUsage: Int64, shared: Int64?, parts: [Part]?) {
    self.modelsDiskUsage = modelsDiskUsage
    self.defaultBackendDiskUsage = defaultBackendDiskUsage
    self.shared = shared
    self.parts = parts
  }

  enum CodingKeys: String, CodingKey {
    case modelsDiskUsage = "models_disk_usage"
    case defaultBackendDiskUsage = "default_backend_disk_usage"
    case shared = "shared_disk_usage"
    case parts
  }
}

/// Body of `POST /models/prune`; may be left out.
package struct PruneRequest: Codable, Sendable, Hashable {
  /// Models without a tag and engines that are not used, too.
  package var all: Bool?
  /// Remove nothing.
  package var dryRun: Bool?

  package init(all: Bool? = nil, dryRun: Bool? = nil) {
    self.all = all
    self.dryRun = dryRun
  }

  enum CodingKeys: String, CodingKey {
    case all
    case dryRun = "dry_run"
  }
}

/// Answer of `POST /models/prune`.
package struct PruneReport: Codable, Sendable, Hashable {
  package struct Item: Codable, Sendable, Hashable {
    /// `orphan-blob`, `partial-download`, `untagged-model`, `unused-engine` and so on.
    package var kind: String
    /// A path, or a model's ID.
    package var name: String
    /// Bytes.
    package var size: Int64

    package init(kind: String, name: String, size: Int64) {
      self.kind = kind
      self.name = name
      self.size = size
    }
  }

  package var items: [Item]
  /// Bytes.
  package var reclaimed: Int64
  package var dryRun: Bool

  package init(items: [Item], reclaimed: Int64, dryRun: Bool) {
    self.items = items
    self.reclaimed = reclaimed
    self.dryRun = dryRun
  }

  enum CodingKeys: String, CodingKey {
    case items, reclaimed
    case dryRun = "dry_run"
  }
}
