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
      let plan = try bundlePlan(model.manifest, model.summary)
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
      func place(_ components: [String]?) -> FilePath? { components.map { path($0, under: folder) } }
      return Bundle(
        root: root, modelDirectory: folder, ggufPath: place(plan.gguf), safetensorsPath: place(plan.safetensors),
        ddufPath: place(plan.dduf), mmprojPath: place(plan.mmproj), chatTemplatePath: place(plan.chatTemplate),
        config: model.config)
    }
  }

  /// Throws ``StoreError`` (`unsupportedArtifact`) for a model of which no bundle can be made, whatever its layers hold.
  package static func checkUsable(_ manifest: Manifest, _ summary: ConfigSummary) throws {
    try BundlePlan.requireSupported(
      manifest.layers, format: summary.config.format, isModelPack: manifest.isModelPack || summary.isModelPack)
  }

  /// Where the files of a model belong. Reads the tables of contents of its archives.
  func bundlePlan(_ manifest: Manifest, _ summary: ConfigSummary) throws -> BundlePlan {
    try BundlePlan(
      manifest: manifest, config: summary.config, isModelPack: manifest.isModelPack || summary.isModelPack
    ) { layer in
      try requireBlob(layer)
      return try LayerArchive.entries(of: layout.blob(layer.digest))
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
      return status?.type == .regular && status?.size == file.size
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
        try provide(file, at: target)
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

  private func provide(_ file: BundlePlan.File, at target: FilePath) throws {
    try requireBlob(file.layer)
    let blob = layout.blob(file.layer.digest)
    do {
      switch file.content {
      case .layer: try share(blob, as: target)
      case .part(let offset, let isExecutable):
        try LayerArchive.extract(
          offset..<(offset + file.size), of: blob, to: target, isExecutable: isExecutable)
      }
    } catch Errno.fileExists {
      // Names that differ only by case, on a file system that ignores case.
      throw StoreError(.invalidArtifact, "filepath collision: two files would be at \(quoted(target.string))")
    }
  }

  private func requireBlob(_ layer: Descriptor) throws {
    guard contains(layer.digest, size: layer.size) else {
      throw StoreError(
        .missingBlob,
        "the file \(layer.digest) of this model is missing or damaged; `petrel fsck --repair` pulls it again"
      )
    }
  }

  /// Lets the blob's bytes appear under another name that nobody can write through: a second name of a read-only blob;
  /// of one that its writer left writable a clone, which has a mode of its own. Copies where the file system has
  /// neither.
  private func share(_ blob: FilePath, as target: FilePath) throws {
    let isWritable = try !blob.stat().permissions.isDisjoint(with: .writableByAll)
    if isWritable, try isDone({ try clone(blob, to: target) }) { return }
    if try isDone({ try PlatformFile.hardLink(blob, to: target) }) { return }
    if !isWritable, try isDone({ try clone(blob, to: target) }) { return }
    do {
      try FileManager.default.copyItem(atPath: blob.string, toPath: target.string)
    } catch {
      throw StoreError(.io, "cannot copy \(blob) to \(target): \(error)")
    }
    try PlatformFile.setPermissions(target, .readableByAll)
  }

  private func clone(_ blob: FilePath, to target: FilePath) throws {
    try FileDescriptor.open(blob, .readOnly, options: .closeOnExec).closeAfterwards {
      try PlatformFile.clone($0, to: target)
    }
    try PlatformFile.setPermissions(target, .readableByAll)
  }

  /// False when the file system does not offer what `body` asks for.
  private func isDone(_ body: () throws -> Void) throws -> Bool {
    do {
      try body()
      return true
    } catch let error as Errno where PlatformFile.isSharingUnsupported(error) {
      return false
    }
  }

  /// What engines and Docker Model Runner read beside the files: for CNCF models the config document as it came, else
  /// the inner config, and a newline.
  private func runtimeConfig(of model: StoredModel) throws -> [UInt8] {
    if model.isModelPack {
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
