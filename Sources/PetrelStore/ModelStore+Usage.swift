// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// What a store's folder holds, in bytes. A file with several names counts once; copies that share blocks on the disk
/// (reflinks) can't be told from others and count each.
package struct StoreUsage: Hashable, Sendable {
  package struct Part: Hashable, Sendable {
    /// Models, downloads, files.
    package var count = 0
    /// Bytes.
    package var size: Int64 = 0
  }

  /// What the models of the index need, the index itself included.
  package var models = Part()
  /// Of `models`: blobs that more than one model uses.
  package var shared = Part()
  /// Of `models`: models without a tag, and what would be free without them.
  package var untagged = Part()
  /// Files of bundles that are no links to blobs.
  package var bundles = Part()
  package var partials = Part()
  /// Blobs, manifests and bundles that no model needs.
  package var orphans = Part()
  package var leftovers = Part()

  package var total: Int64 { models.size + bundles.size + partials.size + orphans.size + leftovers.size }
}

extension ModelStore {
  /// Bytes in the folder; what has several names counts once.
  package func diskUsage() async throws -> Int64 { try await usage().total }

  package func usage() async throws -> StoreUsage {
    try await onDisk { [self] in
      // An index that can't be read is no reason not to count.
      let index = (try? index.read()) ?? index.lastKnown()
      let garbage = Dictionary(
        try findGarbage(index, olderThan: -1).map { ($0.path, $0.kind) }, uniquingKeysWith: { first, _ in first })
      var count = UsageCount(garbage: garbage, bundles: layout.bundles)
      // Blobs first: the bundles' links to them count nothing then.
      count.visit(layout.blobs)
      count.visit(layout.root)
      count.usage.models.count = index.entries.count
      countShares(index, &count.usage)
      return count.usage
    }
  }

  /// Counts blobs of several models, and those that only models without tags have.
  private func countShares(_ index: ModelIndex, _ usage: inout StoreUsage) {
    var users: [String: (all: Int, tagged: Int)] = [:]
    for entry in index.entries {
      for file in Set(entry.files) {
        users[file, default: (0, 0)].all += 1
        if !entry.tags.isEmpty { users[file, default: (0, 0)].tagged += 1 }
      }
    }
    usage.untagged.count = index.entries.count { $0.tags.isEmpty }
    for (file, users) in users {
      guard let digest = Digest(file), let size = try? layout.blob(digest).stat().size else { continue }
      if users.all > 1 {
        usage.shared.count += 1
        usage.shared.size += size
      }
      if users.tagged == 0 { usage.untagged.size += size }
    }
  }
}

private struct UsageCount {
  let garbage: [FilePath: StoreFinding.Kind]
  let bundles: FilePath
  var usage = StoreUsage()
  private var seen: Set<PlatformFile.FileID> = []
  private var visited: Set<FilePath> = []

  init(garbage: [FilePath: StoreFinding.Kind], bundles: FilePath) {
    self.garbage = garbage
    self.bundles = bundles
  }

  /// Counts all below a folder that has not been counted.
  mutating func visit(_ folder: FilePath) {
    visit(folder, as: \.models)
  }

  private mutating func visit(_ folder: FilePath, as part: WritableKeyPath<StoreUsage, StoreUsage.Part>) {
    guard visited.insert(folder).inserted else { return }
    for name in Folder.names(in: folder) {
      let path = folder.appending(name)
      // Files may go while we walk.
      guard let status = try? path.stat(followTargetSymlink: false) else { continue }
      let part = garbage[path].map(Self.part) ?? (folder == bundles ? \.bundles : part)
      if garbage[path] != nil { usage[keyPath: part].count += 1 }
      switch status.type {
      case .directory: visit(path, as: part)
      case .regular:
        guard status.linkCount == 1 || seen.insert(PlatformFile.FileID(status)).inserted else { continue }
        usage[keyPath: part].size += Folder.size(of: path, status)
        if part == \.bundles { usage.bundles.count += 1 }
      default: break
      }
    }
  }

  private static func part(_ kind: StoreFinding.Kind) -> WritableKeyPath<StoreUsage, StoreUsage.Part> {
    switch kind {
    case .partialDownload: \.partials
    case .leftover: \.leftovers
    default: \.orphans
    }
  }
}
