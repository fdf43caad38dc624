// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelStore {
  /// The model's files under names that engines understand. Uses the bundle that is there if it holds what the
  /// manifest asks for; otherwise makes one beside it and moves it into place when it is whole.
  ///
  /// Throws ``StoreError``: `missingBlob`, `invalidArtifact`, `unsupportedArtifact`, `noSpace`, `io`.
  package func bundle(for model: StoredModel) async throws -> Bundle {
    // One at a time: a bundle that somebody was just given must not be built anew.
    try await turns.take(model.id)
    defer { turns.yield(model.id) }
    return try await onDisk { [self] in
      let plan = try BundlePlan(manifest: model.manifest, config: model.config)
      let root = layout.bundle(model.id)
      let config = try runtimeConfig(of: model)
      if !isComplete(root, plan: plan, config: config) {
        do {
          try build(root, of: model.id, plan: plan, config: config)
        } catch {
          // Removed meanwhile: that its files are missing is not what there is to say.
          throw try index.read().entry(model.id) == nil ? StoreError.modelNotFound : error
        }
      }
      let folder = root.appending("model")
      return Bundle(
        root: root, modelDirectory: folder, ggufPath: plan.gguf.map { path($0, under: folder) },
        mmprojPath: plan.mmproj.map { path($0, under: folder) },
        chatTemplatePath: plan.chatTemplate.map { path($0, under: folder) }, config: model.config)
    }
  }

  private func isComplete(_ root: FilePath, plan: BundlePlan, config: [UInt8]) -> Bool {
    let limit = Self.maximumConfigSize
    guard let found = try? FileContents.readIfPresent(root.appending("config.json"), limit: limit), found == config
    else {
      return false
    }
    return plan.files.allSatisfy { file in
      let status = try? path(file.path, under: root.appending("model")).stat(followTargetSymlink: false)
      return status?.type == .regular && status?.size == file.layer.size
    }
  }

  private func build(_ root: FilePath, of id: Digest, plan: BundlePlan, config: [UInt8]) throws {
    let temporary = StoreLayout.temporary(beside: root)
    // Gone already when all went well.
    defer { attempt("remove an unfinished bundle") { try Folder.remove(temporary) } }
    do {
      let folder = temporary.appending("model")
      try Folder.create(folder)
      for file in plan.files {
        let target = path(file.path, under: folder)
        try Folder.create(target.removingLastComponent())
        try provide(file.layer, at: target)
      }
      try FileContents.replace(temporary.appending("config.json"), with: config)
      // Under the lock, so that the bundle of a model that was removed meanwhile does not come to stay.
      try index.locked {
        guard try index.read().entry(id) != nil else { throw StoreError.modelNotFound }
        try Folder.removeAtOnce(root)
        try PlatformFile.rename(temporary, to: root)
      }
    } catch let error as Errno {
      // Another process may have made the same bundle meanwhile.
      if isComplete(root, plan: plan, config: config) { return }
      throw StoreError(errno: error, "unpack the model to \(root)")
    }
  }

  /// Gives the layer's file a second name; copies it where the file system cannot do that.
  private func provide(_ layer: Descriptor, at target: FilePath) throws {
    guard contains(layer.digest, size: layer.size) else {
      throw StoreError(
        .missingBlob,
        "the file \(layer.digest) of this model is missing or damaged; `petrel fsck --repair` pulls it again"
      )
    }
    let blob = layout.blob(layer.digest)
    do {
      try PlatformFile.hardLink(blob, to: target)
    } catch {
      // Names that differ only by case, on a file system that ignores case.
      if error == .fileExists {
        throw StoreError(.invalidArtifact, "filepath collision: two files would be at \(quoted(target.string))")
      }
      guard Self.isLinkUnsupported(error) else { throw error }
      try copy(blob, to: target)
    }
  }

  private func copy(_ blob: FilePath, to target: FilePath) throws {
    do {
      try FileManager.default.copyItem(atPath: blob.string, toPath: target.string)
    } catch {
      throw StoreError(.io, "cannot copy \(blob) to \(target): \(error)")
    }
    try PlatformFile.setPermissions(target, [.ownerRead, .groupRead, .otherRead])
  }

  private static func isLinkUnsupported(_ error: Errno) -> Bool {
    let unsupported: [Errno] = [.improperLink, .notPermitted, .tooManyLinks, .notSupported, .noFunction]
    return unsupported.contains(error)
  }

  /// What engines and Docker Model Runner read beside the files: for CNCF models the config document as it came, else
  /// the inner config, and a newline.
  private func runtimeConfig(of model: StoredModel) throws -> [UInt8] {
    if model.manifest.config.mediaType == MediaType.configCNCF {
      return try readBlob(model.manifest.config) + [0x0A]
    }
    do {
      return Array(try CanonicalJSONEncoder().encode(model.config).utf8) + [0x0A]
    } catch {
      throw StoreError(.invalidArtifact, "the model's config cannot be written: \(error)")
    }
  }

  private func path(_ components: [String], under folder: FilePath) -> FilePath {
    components.reduce(folder) { path, component in path.appending(component) }
  }
}
