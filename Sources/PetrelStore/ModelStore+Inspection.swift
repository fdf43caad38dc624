// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage

/// What a first look at a store has found, without reading large files.
package struct StoreInspection: Sendable {
  package var findings: [StoreFinding] = []
  /// Files whose bytes remain to be compared with their digests.
  package var files: [FileToVerify] = []
}

/// A file that should have the bytes its digest promises.
package struct FileToVerify: Hashable, Sendable {
  package let path: FilePath
  package let digest: Digest
  /// Bytes.
  package let size: Int64
  /// The models that need it; none for a blob that no model uses.
  package let models: [Digest]
  /// A bundle's own copy of a blob, where the file system has no links.
  package let isCopy: Bool
}

extension ModelStore {
  /// Looks at the index, at manifests and configs, at sizes of blobs and at bundles.
  ///
  /// - Parameter models: only these, and nothing that no model needs.
  package func inspect(_ models: Set<Digest>? = nil) async throws -> StoreInspection {
    try await onDisk { [self] in
      var inspection = StoreInspection()
      let index = readIndex(&inspection)
      var needs: [Digest: (size: Int64?, models: [Digest])] = [:]
      for entry in index.entries {
        guard let id = entry.digest else {
          if models == nil {
            inspection.findings.append(
              StoreFinding(.invalidEntry, layout.indexFile, "the model ID \(quoted(entry.id)) is no digest"))
          }
          continue
        }
        guard models?.contains(id) ?? true else { continue }
        for (digest, size) in inspect(entry, id, &inspection) {
          needs[digest, default: (size, [])].models.append(id)
        }
      }
      for (digest, need) in needs.sorted(by: { $0.key.hex < $1.key.hex }) {
        inspectBlob(digest, size: need.size, models: need.models, &inspection)
      }
      if models == nil {
        for finding in try findGarbage(index, olderThan: 0) {
          inspection.findings.append(finding)
          // A later pull would trust it by its name.
          if finding.kind == .orphanBlob, let digest = finding.digest {
            inspectBlob(digest, size: nil, models: [], &inspection)
          }
        }
      }
      return inspection
    }
  }

  private func readIndex(_ inspection: inout StoreInspection) -> ModelIndex {
    do {
      return try index.read()
    } catch {
      inspection.findings.append(
        StoreFinding(.unreadableIndex, layout.indexFile, (error as? StoreError)?.message ?? "\(error)"))
      return recoveredIndex()
    }
  }

  /// Returns what the model needs: digests of blobs, with their sizes where the manifest tells.
  private func inspect(
    _ entry: ModelIndex.Entry, _ id: Digest, _ inspection: inout StoreInspection
  ) -> [(Digest, Int64?)] {
    let path = layout.manifest(id)
    let manifest: Manifest
    do {
      manifest = try Manifest(decoding: try readManifest(id))
    } catch {
      let isMissing = !exists(path)
      let message = isMissing ? "the manifest is missing" : "the manifest is damaged"
      inspection.findings.append(
        StoreFinding(isMissing ? .missingManifest : .damagedManifest, path, message, digest: id, models: [id]))
      return Set(entry.files).compactMap { Digest($0) }.map { ($0, nil) }
    }
    if Set(entry.files) != Set(manifest.blobs.map(\.digest.description)) {
      inspection.findings.append(
        StoreFinding(
          .wrongFileList, layout.indexFile, "the index lists other files of \(id.short) than its manifest",
          digest: id, models: [id]))
    }
    inspectBundle(id, manifest, &inspection)
    return Dictionary(manifest.blobs.map { ($0.digest, $0.size) }, uniquingKeysWith: { first, _ in first })
      .map { ($0, $1) }
  }

  private func inspectBlob(
    _ digest: Digest, size: Int64?, models: [Digest], _ inspection: inout StoreInspection
  ) {
    let path = layout.blob(digest)
    func report(_ kind: StoreFinding.Kind, _ message: String, size: Int64 = 0) {
      inspection.findings.append(StoreFinding(kind, path, message, digest: digest, models: models, size: size))
    }
    guard let status = try? path.stat(followTargetSymlink: false) else { return report(.missingBlob, "it is missing") }
    guard status.type == .regular else { return report(.damagedBlob, "it is no file") }
    guard size == nil || status.size == size else {
      return report(.damagedBlob, "it has \(status.size) bytes instead of \(size ?? 0)", size: status.size)
    }
    guard !isKnownDamaged(digest, status) else { return report(.damagedBlob, Self.wrongBytes, size: status.size) }
    inspection.files.append(
      FileToVerify(path: path, digest: digest, size: status.size, models: models, isCopy: false))
  }

  /// Each file of a bundle must be a name of its blob, or a copy of it.
  private func inspectBundle(_ id: Digest, _ manifest: Manifest, _ inspection: inout StoreInspection) {
    let folder = layout.bundle(id).appending("model")
    guard exists(layout.bundle(id)), let summary = try? ConfigSummary(decoding: readBlob(manifest.config)),
      let plan = try? bundlePlan(manifest, summary)
    else { return }
    for file in plan.files {
      let path = file.path.reduce(folder) { $0.appending($1) }
      guard let status = try? path.stat(followTargetSymlink: false), status.type == .regular,
        status.size == file.size
      else {
        inspection.findings.append(Self.staleBundle(path, id))
        return
      }
      // What came out of an archive has no digest of its own.
      guard file.content == .layer else { continue }
      let blob = try? layout.blob(file.layer.digest).stat(followTargetSymlink: false)
      if blob.map(PlatformFile.FileID.init) == PlatformFile.FileID(status) { continue }
      inspection.files.append(
        FileToVerify(path: path, digest: file.layer.digest, size: status.size, models: [id], isCopy: true))
    }
  }

  static func staleBundle(_ path: FilePath, _ id: Digest) -> StoreFinding {
    StoreFinding(.staleBundle, path, "the bundle's file is not the model's", digest: id, models: [id])
  }
}

extension ModelStore {
  private static let wrongBytes = "its bytes are not those that its digest promises"
  /// Bytes between two looks at cancellation and two calls of `progress`.
  private static let verifyStep = 8 * 1024 * 1024

  /// Reads a file and compares it with its digest. Returns what is wrong with it, or nil.
  ///
  /// - Parameter progress: called with the bytes that were read since the last call.
  package func verify(
    _ file: FileToVerify, progress: @Sendable (Int) async throws -> Void = { _ in }
  ) async throws -> StoreFinding? {
    let hash = FileHash(file.path)
    var message = Self.wrongBytes
    do {
      while true {
        try Task.checkCancellation()
        let count = try await hash.advance(by: Self.verifyStep)
        if count == 0 { break }
        try await progress(count)
      }
      if await hash.digest == file.digest {
        let stamp = try await hash.stamp()
        verified.withLock { $0[file.path] = stamp }
        return nil
      }
    } catch let error as StoreError {
      message = error.message
    }
    let stamp = try? await hash.stamp()
    return try await onDisk { [self, message] in finding(file, stamp, message) }
  }

  /// What to say of a file whose bytes, as far as they could be read, are wrong; nil if it is not the one any more.
  private func finding(_ file: FileToVerify, _ stamp: PlatformFile.Stamp?, _ message: String) -> StoreFinding? {
    let status = try? file.path.stat(followTargetSymlink: false)
    // Removed or replaced meanwhile: what came instead has been verified.
    if let stamp, status.map(PlatformFile.Stamp.init) != stamp { return nil }
    if status == nil, !isListed(file) { return nil }
    if file.isCopy { return file.models.first.map { Self.staleBundle(file.path, $0) } }
    return StoreFinding(
      status == nil ? .missingBlob : .damagedBlob, file.path, status == nil ? "it is missing" : message,
      digest: file.digest, models: file.models, size: status?.size ?? 0)
  }

  /// Whether the file has been found right since the store was opened, and has not been touched since then.
  package func isVerified(_ file: FileToVerify) async throws -> Bool {
    try await onDisk { [self] in
      guard let status = try? file.path.stat(followTargetSymlink: false) else { return false }
      return verified.withLock { $0[file.path] } == PlatformFile.Stamp(status)
    }
  }

  private func isListed(_ file: FileToVerify) -> Bool {
    let ids = Set((try? index.read().entries)?.map(\.id) ?? [])
    return file.models.contains { ids.contains($0.description) }
  }
}
