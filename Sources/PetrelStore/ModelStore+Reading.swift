// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import PetrelOCI
import Synchronization
import SystemPackage

extension ModelStore {
  /// All models in the order in which they came. Those that cannot be read are left out, with a log line.
  package func list() async throws -> [StoredModel] {
    try await onDisk { [self] in
      let entries = try index.read().entries
      if facts.withLock({ $0.count }) > entries.count { forgetAllBut(entries) }
      readUnknown(entries)
      return entries.compactMap { entry in
        do {
          return try model(entry)
        } catch {
          logger.warning(
            "skipping a model that cannot be read", metadata: ["model": "\(entry.id)", "error": "\(error)"])
          return nil
        }
      }
    }
  }

  /// The model that `selector` names, or nil. Throws ``StoreError`` (`corrupt`) when it is there but cannot be read.
  package func find(_ selector: ModelSelector) async throws -> StoredModel? {
    try await onDisk { [self] in try index.read().find(selector).map { try model($0.entry) } }
  }

  package func find(_ id: Digest) async throws -> StoredModel? {
    try await onDisk { [self] in
      try index.read().entry(id).map { try model($0) }
    }
  }

  /// The model that `reference` names if all its files are there. Nil also when it cannot be read.
  package func findWhole(_ reference: ModelReference) async throws -> StoredModel? {
    try await onDisk { [self] in
      guard let entry = try index.read().find(ModelSelector(reference))?.entry, let model = try? model(entry) else {
        return nil
      }
      return model.manifest.blobs.allSatisfy { contains($0.digest, size: $0.size) } ? model : nil
    }
  }

  /// The ID of the model that `selector` names, whether it can be read or not.
  package func id(_ selector: ModelSelector) async throws -> Digest? {
    try await onDisk { [self] in try index.read().find(selector)?.entry.digest }
  }

  /// Tags of all models, whether they can be read or not.
  package func tags() async throws -> [Digest: [String]] {
    try await onDisk { [self] in
      let entries = ((try? index.read()) ?? recoveredIndex()).entries
      return Dictionary(
        entries.compactMap { entry in entry.digest.map { ($0, entry.tags) } }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// The first model with a tag whose last component, without version, is `name`; or whose ID begins with `name`
  /// (`sha256:` and some digits), if it has a tag.
  package func findByPartialName(_ name: String) async throws -> StoredModel? {
    try await onDisk { [self] in try index.read().findByPartialName(name).map { try model($0) } }
  }

  /// The manifest as it came, byte for byte.
  package func manifestBytes(_ id: Digest) async throws -> [UInt8] {
    try await onDisk { [self] in try readManifest(id) }
  }

  /// A small blob, such as a config, checked against its digest.
  package func blobBytes(_ descriptor: Descriptor) async throws -> [UInt8] {
    try await onDisk { [self] in try readBlob(descriptor) }
  }

  /// The file of a blob that is in the store.
  package func blobPath(_ descriptor: Descriptor) async throws -> FilePath {
    try await onDisk { [self] in
      guard contains(descriptor.digest, size: descriptor.size) else { throw StoreError.missingBlob(descriptor.digest) }
      return layout.blob(descriptor.digest)
    }
  }

  /// Reads models that were not looked at yet on all processors, when there are many of them.
  private func readUnknown(_ entries: [ModelIndex.Entry]) {
    let known = facts.withLock { Set($0.keys) }
    let unknown = entries.compactMap(\.digest).filter { !known.contains($0) }
    guard unknown.count >= 16 else { return }
    // Those that cannot be read are told about where each is asked for.
    DispatchQueue.concurrentPerform(iterations: unknown.count) { _ = try? facts(of: unknown[$0]) }
  }

  private func forgetAllBut(_ entries: [ModelIndex.Entry]) {
    let known = Set(entries.compactMap(\.digest))
    facts.withLock { facts in facts = facts.filter { known.contains($0.key) } }
  }

  func model(_ entry: ModelIndex.Entry) throws -> StoredModel {
    guard let id = entry.digest else { throw StoreError(.corrupt, "\(quoted(entry.id)) is not a model ID") }
    let facts = try facts(of: id)
    return StoredModel(id: id, tags: entry.tags, manifest: facts.manifest, summary: facts.summary)
  }

  private func facts(of id: Digest) throws -> Facts {
    if let known = facts.withLock({ $0[id] }) { return known }
    do {
      let manifest = try Manifest(decoding: try readManifest(id))
      let read = Facts(manifest: manifest, summary: try ConfigSummary(decoding: try readBlob(manifest.config)))
      facts.withLock { $0[id] = read }
      return read
    } catch let error as OCIError {
      throw StoreError(.corrupt, "the model \(id) cannot be read: \(error.message)")
    }
  }

  func readManifest(_ id: Digest) throws -> [UInt8] {
    let path = layout.manifest(id)
    guard let bytes = try FileContents.readIfPresent(path, limit: Manifest.maximumSize) else {
      throw StoreError(.corrupt, "the manifest of \(id) is missing; pull the model again")
    }
    guard Digest(of: bytes) == id else {
      throw StoreError(
        .corrupt, "the manifest of \(id) has been changed on the disk; remove the model and pull it again")
    }
    return bytes
  }

  func readBlob(_ descriptor: Descriptor) throws -> [UInt8] {
    let bytes = try FileContents.readIfPresent(layout.blob(descriptor.digest), limit: Self.maximumConfigSize)
    guard let bytes else { throw StoreError.missingBlob(descriptor.digest) }
    guard Digest(of: bytes) == descriptor.digest else {
      throw StoreError(.corrupt, "the blob \(descriptor.digest) has been changed on the disk; pull the model again")
    }
    return bytes
  }

  /// Larger configs are refused: they are read into memory.
  package static let maximumConfigSize = 16 * 1024 * 1024
}
