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

  /// Removes everything in the folder and makes an empty store of it. The folder itself stays: it may be a mount point.
  ///
  /// Throws ``StoreError`` (`notAStore`) for a folder with contents but no `layout.json`.
  package func purge() async throws {
    try await onDisk { [self] in
      var trash = Trash()
      let ours = [layout.daemonLock, layout.indexLock].compactMap(\.lastComponent?.string)
      try index.locked {
        let names = Folder.names(in: layout.root).filter { !ours.contains($0) }
        guard names.isEmpty || names.contains("layout.json") else {
          throw StoreError(
            .notAStore,
            "refusing to reset: directory \(quoted(layout.root.string)) does not appear to be a model store "
              + "(missing layout.json)")
        }
        // The index goes first, its copy before it: no model is listed whose files are going. The layout's version goes
        // last, so that a purge that was cut short can be repeated.
        try Folder.remove(layout.indexCopy)
        try Folder.remove(layout.indexFile)
        for name in names where name != "layout.json" { try discard(layout.root.appending(name), to: &trash) }
        try Folder.remove(layout.layoutFile)
        facts.withLock { $0 = [:] }
        damaged.withLock { $0 = [:] }
        for folder in [layout.blobs, layout.manifests, layout.bundles] { try Folder.create(folder) }
        try FileContents.replace(layout.layoutFile, with: Array(StoreLayout.version.utf8))
        try FileContents.replace(layout.indexFile, with: ModelIndex().serialized())
      }
      empty(trash)
    }
  }

  /// Removes what nobody has wanted for a week: given-up downloads, files of no model. Returns how many files of no model
  /// there were.
  package func tidyUp() async throws -> Int {
    try await onDisk { [self] in sweepLeftovers(now: Date()) }
    return try await removeOrphans()
  }

  /// Removes given-up downloads and what writes that were cut short left behind. Looks at names first, so that it costs
  /// next to nothing however many models there are.
  func sweepLeftovers(now: Date) {
    for folder in [layout.root, layout.blobs, layout.manifests, layout.bundles] {
      // Finished files have plain names; there may be thousands.
      for name in Folder.names(in: folder) where name.utf8.count != 64 {
        let lifetime: Double
        if StoreLayout.isTemporary(name), !temporaries.contains(name) {
          lifetime = Self.temporaryLifetime
        } else if let digest = StoreLayout.partialDigest(name), !held.contains(digest) {
          lifetime = Self.partialLifetime
        } else {
          continue
        }
        let path = folder.appending(name)
        guard isOlder(path, than: lifetime, now: now) else { continue }
        attempt("remove a leftover") { try Folder.remove(path) }
      }
    }
  }

  func isOlder(_ path: FilePath, than age: Double, now: Date) -> Bool {
    guard let status = try? path.stat(followTargetSymlink: false) else { return false }
    return now.timeIntervalSince1970 - Double(PlatformFile.Stamp(status).seconds) > age
  }
}
