// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import Synchronization
import SystemPackage

extension ModelStore {
  /// Takes a blob for missing from now on, so that the next pull brings it again; the file stays until a fresh one takes
  /// its place. Bundles with it are removed: no engine is given wrong bytes.
  package func markDamaged(_ digest: Digest) async throws {
    let models = try await onDisk { [self] in
      guard let status = try? layout.blob(digest).stat(followTargetSymlink: false) else { return [Digest]() }
      damaged.withLock { $0[digest] = PlatformFile.Stamp(status) }
      let entries = (try? index.read()) ?? recoveredIndex()
      return entries.entries.filter { $0.files.contains(digest.description) }.compactMap(\.digest)
    }
    for id in models { try await discardBundle(id) }
  }

  /// Makes the store read a model's manifest and config again, so that wrong ones are noticed.
  package func forget(_ id: Digest) { facts.withLock { $0[id] = nil } }

  /// Removes a bundle; the next load makes it anew.
  package func discardBundle(_ id: Digest) async throws {
    try await turns.take(id)
    defer { turns.yield(id) }
    try await onDisk { [self] in removeBundle(id) }
  }

  /// Removes a blob with wrong bytes that no model uses.
  package func removeDamagedOrphan(_ digest: Digest) async throws {
    let orphan = StoreFinding(.orphanBlob, layout.blob(digest), "", digest: digest)
    _ = try await remove(garbage: [orphan])
  }

  /// Writes the files of a model's manifest into its entry of the index.
  package func repairFileList(of id: Digest) async throws {
    try await onDisk { [self] in
      let manifest = try Manifest(decoding: try readManifest(id))
      try index.update { index in
        guard let place = index.entries.firstIndex(where: { $0.digest == id }) else { return }
        index.entries[place].files = (manifest.layers + [manifest.config]).map(\.digest.description)
      }
    }
  }

  /// Drops entries of the index that name no model.
  package func dropInvalidEntries() async throws {
    try await onDisk { [self] in
      _ = try index.update { index in index.entries.removeAll { $0.digest == nil } }
    }
  }

  /// Makes a new index when the one that is there can't be understood; that one is kept as `models.json.damaged`.
  /// Returns the number of models, nil when the index is as it should be.
  ///
  /// Models are those whose manifests are there. Tags come from Petrel's copy of the index; models that are not in it
  /// have none, and are taken in only if all their blobs are there.
  package func rebuildIndex() async throws -> Int? {
    try await onDisk { [self] in
      try index.locked {
        do {
          _ = try index.read()
          return nil
        } catch let error as StoreError where error.code == .corrupt {
          // Others, such as missing permission, say nothing about what is in the file.
        }
        let recovered = recoveredIndex()
        if let bytes = try index.bytes() { try FileContents.replace(layout.damagedIndex, with: bytes) }
        try index.replace(with: recovered)
        logger.notice("made a new model index", metadata: ["models": "\(recovered.entries.count)"])
        return recovered.entries.count
      }
    }
  }

  /// The index as manifests and Petrel's copy of it tell.
  func recoveredIndex() -> ModelIndex {
    let present = Set(Folder.names(in: layout.manifests).compactMap { Digest(hex: $0) })
    var recovered = index.lastKnown()
    recovered.entries.removeAll { entry in entry.digest.map { !present.contains($0) } ?? true }
    let known = Set(recovered.entries.compactMap(\.digest))
    for id in present.subtracting(known).sorted(by: { $0.hex < $1.hex }) {
      // An interrupted removal leaves a manifest too, but not the blobs.
      guard let bytes = try? readManifest(id), let manifest = try? Manifest(decoding: bytes),
        manifest.blobs.allSatisfy({ contains($0.digest, size: $0.size) })
      else { continue }
      recovered.add(id: id, files: (manifest.layers + [manifest.config]).map(\.digest))
    }
    return recovered
  }

  func isKnownDamaged(_ digest: Digest, _ status: Stat) -> Bool {
    damaged.withLock { $0[digest] == PlatformFile.Stamp(status) }
  }
}
