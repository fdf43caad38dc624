// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelStore {
  /// Downloads that nobody took up again for so long are given up. Seconds.
  static let partialLifetime = 7 * 24 * 3600.0
  /// A temporary file of this age belongs to no write that is still going on. Seconds.
  static let temporaryLifetime = 3600.0

  /// Bytes on the disk; what has several names counts once.
  package func diskUsage() async throws -> Int64 {
    try await onDisk { [layout] in Folder.diskUsage(layout.root) }
  }

  /// Removes everything in the folder and makes an empty store of it. The folder itself stays: it may be a mount point.
  ///
  /// Throws ``StoreError`` (`notAStore`) for a folder with contents but no `layout.json`.
  package func purge() async throws {
    try await onDisk { [self] in
      let ours = [layout.daemonLock, layout.indexLock].compactMap(\.lastComponent?.string)
      try index.locked {
        let names = Folder.names(in: layout.root).filter { !ours.contains($0) }
        guard names.isEmpty || names.contains("layout.json") else {
          throw StoreError(
            .notAStore,
            "refusing to reset: directory \(quoted(layout.root.string)) does not appear to be a model store "
              + "(missing layout.json)")
        }
        // Last, so that a purge that was cut short can be repeated.
        for name in names where name != "layout.json" { try Folder.remove(layout.root.appending(name)) }
        try Folder.remove(layout.layoutFile)
        facts.withLock { $0 = [:] }
        for folder in [layout.blobs, layout.manifests, layout.bundles] { try Folder.create(folder) }
        try FileContents.replace(layout.layoutFile, with: Array(StoreLayout.version.utf8))
        try FileContents.replace(layout.indexFile, with: ModelIndex().serialized())
      }
    }
  }

  /// Removes blobs, manifests and bundles that no model of the index lists, that nobody holds and that have not been
  /// touched for `age` seconds. Returns how many.
  ///
  /// Layers of failed pulls are among them: they are kept for a while because the next attempt may want them.
  package func removeOrphans(olderThan age: Double = ModelStore.partialLifetime) async throws -> Int {
    try await onDisk { [self] in
      try index.locked {
        let entries = try index.read().entries
        var used = Set(entries.flatMap { [$0.id] + $0.files }.compactMap { Digest($0) })
        // The index may have been written by another program; manifests have the last word on what a model needs.
        for id in entries.compactMap(\.digest) {
          guard let bytes = try? readManifest(id), let manifest = try? Manifest(decoding: bytes) else { return 0 }
          used.formUnion(manifest.blobs.map(\.digest))
        }
        let now = Date()
        func orphans(_ folder: FilePath) -> [Digest] {
          Folder.names(in: folder).compactMap { Digest(hex: $0) }
            .filter { !used.contains($0) && isOlder(folder.appending($0.hex), than: age, now: now) }
        }
        let blobs = orphans(layout.blobs).filter { removeBlob($0) }
        let others = orphans(layout.manifests).map(layout.manifest) + orphans(layout.bundles).map(layout.bundle)
        for path in others { attempt("remove what no model uses") { try Folder.removeAtOnce(path) } }
        return blobs.count + others.count
      }
    }
  }

  /// Removes given-up downloads and what writes that were cut short left behind. Looks at names first, so that it costs
  /// next to nothing however many models there are.
  func sweepLeftovers(now: Date) {
    for folder in [layout.root, layout.blobs, layout.manifests, layout.bundles] {
      // Finished files have plain names; there may be thousands.
      for name in Folder.names(in: folder) where name.utf8.count != 64 {
        let lifetime: Double
        if StoreLayout.downloadSuffixes.contains(where: name.hasSuffix) {
          lifetime = Self.partialLifetime
        } else if name.contains(StoreLayout.temporaryInfix) {
          lifetime = Self.temporaryLifetime
        } else {
          continue
        }
        let path = folder.appending(name)
        guard isOlder(path, than: lifetime, now: now) else { continue }
        attempt("remove a leftover") { try Folder.remove(path) }
      }
    }
  }

  private func isOlder(_ path: FilePath, than age: Double, now: Date) -> Bool {
    guard let status = try? path.stat(followTargetSymlink: false) else { return false }
    return now.timeIntervalSince1970 - Double(PlatformFile.Stamp(status).seconds) > age
  }
}
