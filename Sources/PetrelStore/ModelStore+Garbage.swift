// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelStore {
  /// What no model of the index needs and nobody holds: blobs, manifests, bundles, partial downloads, leftovers.
  ///
  /// - Parameter age: only what has not been touched for so many seconds. Layers of failed pulls and partial downloads
  ///   are kept for a while because the next attempt may want them.
  package func garbage(olderThan age: Double = 0) async throws -> [StoreFinding] {
    try await onDisk { [self] in try findGarbage(index.read(), olderThan: age) }
  }

  /// Removes garbage, unless it has come into use meanwhile. Returns what is gone.
  package func remove(garbage: [StoreFinding]) async throws -> [StoreFinding] {
    try await onDisk { [self] in
      // So that little is read under the lock.
      _ = try usedDigests(index.read())
      var trash = Trash()
      let removed = try index.locked {
        let (used, isComplete) = try usedDigests(index.read())
        return garbage.filter { finding in
          if let digest = finding.digest, finding.kind != .partialDownload, used.contains(digest) { return false }
          if finding.kind == .orphanBlob, !isComplete { return false }
          return remove(finding, to: &trash)
        }
      }
      empty(trash)
      return removed
    }
  }

  /// Removes garbage that has not been touched for `age` seconds. Returns how many files.
  package func removeOrphans(olderThan age: Double = ModelStore.partialLifetime) async throws -> Int {
    let orphans = try await garbage(olderThan: age).filter { $0.kind != .partialDownload && $0.kind != .leftover }
    return try await remove(garbage: orphans).count
  }

  func findGarbage(_ index: ModelIndex, olderThan age: Double) throws -> [StoreFinding] {
    let now = Date()
    let (used, isComplete) = try usedDigests(index)
    let ids = Set(index.entries.compactMap(\.digest))
    var found: [StoreFinding] = []
    func add(_ kind: StoreFinding.Kind, _ path: FilePath, _ digest: Digest?, _ message: String, age: Double = age) {
      guard isOlder(path, than: age, now: now) else { return }
      found.append(StoreFinding(kind, path, message, digest: digest, size: Folder.diskUsage(path)))
    }
    for name in Folder.names(in: layout.blobs).sorted() {
      let path = layout.blobs.appending(name)
      if let digest = Digest(hex: name) {
        guard isComplete, !used.contains(digest), !held.contains(digest) else { continue }
        add(.orphanBlob, path, digest, "no model uses it")
      } else if let digest = StoreLayout.partialDigest(name), !held.contains(digest) {
        add(.partialDownload, path, digest, "a download that is not complete")
      }
    }
    for name in Folder.names(in: layout.manifests).sorted() {
      guard let id = Digest(hex: name), !ids.contains(id) else { continue }
      add(.orphanManifest, layout.manifest(id), id, "no model of the index has it")
    }
    for name in Folder.names(in: layout.bundles).sorted() {
      guard let id = Digest(hex: name), !ids.contains(id), !heldBundles.contains(id) else { continue }
      add(.orphanBundle, layout.bundle(id), id, "no model of the index has it")
    }
    for folder in [layout.root, layout.blobs, layout.manifests, layout.bundles] {
      for name in Folder.names(in: folder).sorted()
      where StoreLayout.isTemporary(name) && !temporaries.contains(name) {
        add(.leftover, folder.appending(name), nil, "left by a write that was cut short", age: Self.temporaryLifetime)
      }
    }
    return found
  }

  /// All digests that models need. `isComplete` is false when a manifest can't be read: it might list more. (The index
  /// may have been written by another program; manifests have the last word on what a model needs.)
  func usedDigests(_ index: ModelIndex) throws -> (digests: Set<Digest>, isComplete: Bool) {
    var used = Set(index.entries.flatMap { [$0.id] + $0.files }.compactMap { Digest($0) })
    var isComplete = true
    for id in index.entries.compactMap(\.digest) {
      if let known = facts.withLock({ $0[id]?.manifest }) {
        used.formUnion(known.blobs.map(\.digest))
      } else if let bytes = try? readManifest(id), let manifest = try? Manifest(decoding: bytes) {
        used.formUnion(manifest.blobs.map(\.digest))
      } else {
        isComplete = false
      }
    }
    return (used, isComplete)
  }

  /// The blobs of a model that has just left the index which no other model needs. None when that can't be known: they
  /// are garbage then, and go when the manifest that can't be read does.
  func unusedBlobs(of removed: ModelIndex.Entry, without index: ModelIndex) throws -> Set<Digest> {
    let (used, isComplete) = try usedDigests(index)
    guard isComplete else { return [] }
    var blobs = Set(removed.files.compactMap { Digest($0) })
    if let id = removed.digest, let bytes = try? readManifest(id), let manifest = try? Manifest(decoding: bytes) {
      blobs.formUnion(manifest.blobs.map(\.digest))
    }
    return blobs.subtracting(used)
  }

  private func remove(_ finding: StoreFinding, to trash: inout Trash) -> Bool {
    switch finding.kind {
    case .orphanBlob: return finding.digest.map { removeBlob($0, to: &trash) } ?? false
    case .orphanBundle: return finding.digest.map { removeBundle($0, to: &trash) } ?? false
    case .partialDownload: return finding.digest.map { removePartial(finding.path, of: $0, to: &trash) } ?? false
    case .orphanManifest, .leftover:
      var isGone = false
      attempt("remove what no model uses") {
        try discard(finding.path, to: &trash)
        isGone = true
      }
      return isGone
    default: return false
    }
  }

  /// Another process may be downloading: it has the file's lock.
  private func removePartial(_ path: FilePath, of digest: Digest, to trash: inout Trash) -> Bool {
    var isGone = false
    attempt("remove a partial download") {
      try held.unlessHeld(digest) {
        let file = try FileDescriptor.open(path, .readWrite, options: [.closeOnExec, .noFollow])
        try file.closeAfterwards { file in
          guard try PlatformFile.lock(file, waiting: false) else { return }
          try discard(path, to: &trash)
          isGone = true
        }
      }
    }
    return isGone
  }
}
