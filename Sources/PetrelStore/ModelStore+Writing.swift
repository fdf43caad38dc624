// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelOCI
import Synchronization
import SystemPackage

extension ModelStore {
  /// Makes a model of blobs that are all in the store. It appears in the index at once with its tag, or not at all.
  ///
  /// - Parameters:
  ///   - manifest: stored byte for byte.
  ///   - id: what the manifest's digest must be, when that is known.
  ///   - tag: moved from any other model that has it. A digest reference adds no tag.
  /// Throws ``StoreError``: `digestMismatch`, `missingBlob`, `invalidArtifact`, `unsupportedArtifact`, `noSpace`, `io`.
  package func commit(manifest bytes: [UInt8], id: Digest? = nil, tag: ModelReference? = nil) async throws
    -> StoredModel
  {
    try await onDisk { [self] in
      let digest = Digest(of: bytes)
      guard id == nil || id == digest else {
        throw StoreError(
          .digestMismatch,
          "manifest digest mismatch: expected \(id?.description ?? ""), got \(digest)")
      }
      guard bytes.count <= Manifest.maximumSize else {
        throw StoreError(.invalidArtifact, "the manifest is larger than \(Manifest.maximumSize) bytes")
      }
      let manifest = try parsed(manifest: bytes)
      return try model(
        index.update { index in
          // Under the lock, so that no removal takes a blob between this look and the entry.
          for blob in manifest.blobs where !contains(blob.digest, size: blob.size) {
            throw StoreError.missingBlob(blob.digest)
          }
          // A model that could not be read afterwards is refused.
          _ = try parsed(config: readBlob(manifest.config))
          if (try? readManifest(digest)) == nil { try FileContents.replace(layout.manifest(digest), with: bytes) }
          index.add(id: digest, files: (manifest.layers + [manifest.config]).map(\.digest))
          if let tag, tag.tag != nil { _ = index.setTag(tag, on: digest) }
          guard let entry = index.entry(digest) else { throw StoreError.modelNotFound }
          return entry
        })
    }
  }

  /// Gives a model one more tag and takes it from any other model. A digest reference adds none.
  package func tag(_ id: Digest, as reference: ModelReference) async throws {
    try await onDisk { [self] in
      try index.update { index in
        guard index.entry(id) != nil else { throw StoreError.modelNotFound }
        if reference.tag != nil { _ = index.setTag(reference, on: id) }
      }
    }
  }

  /// Removes a tag, and with its last tag the model; or, named by ID or digest, the model with all its tags.
  ///
  /// - Parameter force: also when a model that is named by ID has several tags.
  /// Throws ``StoreError``: `notFound`, `conflict`.
  package func remove(_ selector: ModelSelector, force: Bool) async throws -> [Removal] {
    try await onDisk { [self] in
      // So that little is read under the lock.
      _ = try usedDigests(index.read())
      var trash = Trash()
      // The entry goes first: what a crash leaves behind belongs to no model. Under one lock, so that nothing is taken
      // from somebody who adds the same model meanwhile.
      let outcome = try index.update { index in
        var outcome = try Self.remove(selector, force: force, from: &index)
        outcome.unused = try outcome.removed.map { try unusedBlobs(of: $0, without: index) } ?? []
        return outcome
      } afterwards: { outcome in
        for case .deleted(let id) in outcome.removals { removeFiles(of: id, to: &trash) }
        for digest in outcome.unused { removeBlob(digest, to: &trash) }
      }
      empty(trash)
      index.renewCopy()
      return outcome.removals
    }
  }

  /// Removes a model if it has no tag. Returns whether it is gone.
  package func removeUntagged(_ id: Digest) async throws -> Bool {
    try await onDisk { [self] in
      var trash = Trash()
      let isGone = try index.update { index in
        guard let entry = index.entry(id), entry.tags.isEmpty, let removed = index.remove(entry.id) else {
          return (false, Set<Digest>())
        }
        return (true, try unusedBlobs(of: removed, without: index))
      } afterwards: { isGone, unused in
        guard isGone else { return }
        removeFiles(of: id, to: &trash)
        for digest in unused { removeBlob(digest, to: &trash) }
      }.0
      empty(trash)
      index.renewCopy()
      return isGone
    }
  }

  /// The model that ``remove(_:force:)`` would delete; nil when it would only remove a tag.
  package func modelDeleted(byRemoving selector: ModelSelector, force: Bool) async throws -> Digest? {
    try await onDisk { [self] in
      var index = try index.read()
      for case .deleted(let id) in try Self.remove(selector, force: force, from: &index).removals { return id }
      return nil
    }
  }

  private struct RemovalOutcome {
    var removals: [Removal]
    var removed: ModelIndex.Entry?
    /// Blobs that no model needs any more.
    var unused: Set<Digest> = []
  }

  private static func remove(
    _ selector: ModelSelector, force: Bool, from index: inout ModelIndex
  ) throws -> RemovalOutcome {
    guard let (entry, match) = index.find(selector) else { throw StoreError.modelNotFound }
    switch match {
    case .tag(let tag) where entry.tags.count > 1:
      index.removeTag(tag, from: entry.id)
      return RemovalOutcome(removals: [.untagged(tag)])
    case .content where entry.tags.count > 1 && !force:
      throw StoreError(
        .conflict,
        "unable to delete \(quoted(selector.text)) (must be forced) due to multiple tag references: resource conflict")
    case .tag, .content:
      let deleted = entry.digest.map { [Removal.deleted($0)] } ?? []
      return RemovalOutcome(removals: entry.tags.map(Removal.untagged) + deleted, removed: index.remove(entry.id))
    }
  }

  /// The files of a model that is no longer in the index. What cannot be removed is left for a later clean-up.
  private func removeFiles(of id: Digest, to trash: inout Trash) {
    facts.withLock { $0[id] = nil }
    attempt("remove a manifest") { try PlatformFile.unlink(layout.manifest(id)) }
    removeBundle(id, to: &trash)
  }

  func attempt(_ action: String, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      logger.warning("cannot \(action)", metadata: ["error": "\(error)"])
    }
  }

  private func parsed(config: [UInt8]) throws -> ConfigSummary {
    do {
      return try ConfigSummary(decoding: config)
    } catch {
      throw StoreError(error)
    }
  }

  private func parsed(manifest: [UInt8]) throws -> Manifest {
    do {
      return try Manifest(decoding: manifest)
    } catch {
      throw StoreError(error)
    }
  }
}
