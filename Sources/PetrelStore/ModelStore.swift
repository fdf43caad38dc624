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

/// The models on this machine: blobs, manifests, the index of models and their tags, bundles for engines.
///
/// The folder may be shared with Docker Model Runner. Every method leaves the cooperative thread pool for its file
/// operations, and may be called from any task at any time; errors are ``StoreError``.
package final class ModelStore: Sendable {
  struct Facts: Sendable {
    var manifest: Manifest
    var summary: ConfigSummary
  }

  package let layout: StoreLayout
  let index: IndexFile
  let held = HeldBlobs()
  let heldBundles = HeldBundles()
  /// Blobs whose bytes are known to be wrong, with the file that was looked at: a fresh one is another file.
  let damaged = Mutex<[Digest: PlatformFile.Stamp]>([:])
  /// Files whose bytes have been found right, as they were then.
  let verified = Mutex<[FilePath: PlatformFile.Stamp]>([:])
  let temporaries = TemporaryNames()
  let turns = Turns()
  /// For large blobs on their way.
  let blocks = BlockPool()
  /// What manifests and configs say, by manifest digest; they never change.
  let facts = Mutex<[Digest: Facts]>([:])
  let freeSpace: @Sendable (FilePath) throws -> Int64
  let logger: Logger
  private let lock: StoreLock?
  let probe: DiskProbe?

  private init(
    layout: StoreLayout, lock: StoreLock?, logger: Logger, freeSpace: @escaping @Sendable (FilePath) throws -> Int64,
    probe: DiskProbe?
  ) {
    self.layout = layout
    self.lock = lock
    self.logger = logger
    self.freeSpace = freeSpace
    self.probe = probe
    index = IndexFile(layout)
  }

  /// Opens the store at `root` and creates what is absent. Reads no model: that is done when one is asked for.
  ///
  /// - Parameters:
  ///   - isExclusive: claims the folder for this process until the store is let go; throws `busy` when another petrel
  ///     daemon has it.
  ///   - freeSpace: bytes that may still be written at a path.
  ///   - probe: told of each change before it is made; see ``DiskProbe``.
  package static func open(
    at root: FilePath, logger: Logger, isExclusive: Bool = true,
    freeSpace: @escaping @Sendable (FilePath) throws -> Int64 = { try PlatformFile.freeSpace(at: $0) },
    probe: DiskProbe? = nil
  ) async throws -> ModelStore {
    guard !root.isEmpty else { throw StoreError(.notAStore, "store root path is required") }
    return try await PetrelStore.onDisk(watchedBy: probe) {
      let layout = StoreLayout(root: root)
      try Folder.create(root)
      let lock = isExclusive ? try StoreLock(layout) : nil
      let store = ModelStore(layout: layout, lock: lock, logger: logger, freeSpace: freeSpace, probe: probe)
      try store.createWhatIsAbsent()
      store.sweepLeftovers(now: Date())
      return store
    }
  }

  func createWhatIsAbsent() throws {
    for folder in [layout.blobs, layout.manifests, layout.bundles] { try Folder.create(folder) }
    if !exists(layout.layoutFile) {
      try FileContents.replace(layout.layoutFile, with: Array(StoreLayout.version.utf8))
    }
    // Not under the index lock when it is there: opening must not wait for anybody.
    guard !exists(layout.indexFile) else { return }
    try index.locked {
      // An index that has gone must not make garbage of the models that are there.
      if !exists(layout.indexFile) { try FileContents.replace(layout.indexFile, with: recoveredIndex().serialized()) }
    }
  }

  /// Runs blocking file operations off the cooperative thread pool, under the eyes of the store's probe.
  func onDisk<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
    try await PetrelStore.onDisk(watchedBy: probe, work)
  }

  func exists(_ path: FilePath) -> Bool {
    (try? path.stat(followTargetSymlink: false)) != nil
  }
}
