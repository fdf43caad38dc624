// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelPackaging
import PetrelStore
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model that is to be made of what the store has.
package struct Composition: Sendable {
  package enum Source: Sendable {
    /// Another model, by name.
    case model(String)
    /// Names of files, and the blobs that they are.
    case files([String: Digest])
  }

  package var source: Source
  /// Jinja.
  package var template: String?
  package var licenses: [String] = []
  /// Further layers by their media types.
  package var documents: [String: [UInt8]] = [:]
  /// Tokens; nil keeps what source or weights say.
  package var contextSize: Int64?

  package init(source: Source) { self.source = source }

  var isPlainCopy: Bool {
    guard case .model = source else { return false }
    return template == nil && licenses.isEmpty && documents.isEmpty && contextSize == nil
  }
}

extension ModelLibrary {
  /// Makes a model and gives it the tag `target`. It shares all layers that the store has already.
  package func compose(_ composition: Composition, as target: String) async throws {
    try await translatingArchiveErrors {
      let reference = try tagReference(target)
      switch composition.source {
      case .model(let name):
        if composition.isPlainCopy { return try await tag(name, as: target) }
        let model = try await resolve(name)
        let documents = try await documents(name)
        // Its layers stay where they are until the new model has them.
        let hold = try await store.hold(model.manifest.blobs.map(\.digest))
        defer { withExtendedLifetime(hold) {} }
        let artifact = StoredArtifact(manifest: Array(documents.manifest.utf8), config: Array(documents.config.utf8))
        try await build(composition, blobs: [:], reference) { _ in .model(artifact) }
      case .files(let files):
        let hold = try await store.hold(files.values)
        defer { withExtendedLifetime(hold) {} }
        for (name, digest) in files where try await store.blobSize(digest) == nil {
          throw LibraryError(
            .invalidRequest,
            "\(quoted(name)): there is no blob \(digest); POST the file to /api/blobs/\(digest) first")
        }
        let weights = try Self.weights(in: Array(files.keys))
        try await build(composition, blobs: files, reference) { folder in
          weights.map { .weights(folder.appending($0)) } ?? .directory(folder)
        }
      }
    }
  }

  /// The file that names the model's weights; nil when it is a folder of safetensors.
  private static func weights(in names: [String]) throws(LibraryError) -> String? {
    let models = names.filter { FileClass($0) == .gguf && !isProjector($0) }.sorted()
    if let first = models.first ?? names.sorted().first(where: { FileClass($0) == .gguf }) { return first }
    guard names.contains(where: { FileClass($0) == .safetensors }) else {
      throw LibraryError(
        .invalidRequest, "none of the files is a model: want one with the ending .gguf or .safetensors")
    }
    return nil
  }

  private static func isProjector(_ name: String) -> Bool { name.lowercased().contains("mmproj") }

  private func build(
    _ composition: Composition, blobs: [String: Digest], _ reference: ModelReference,
    source: @escaping @Sendable (FilePath) -> PackageRequest.Source
  ) async throws {
    var texts: [String: [UInt8]] = [:]
    for (number, text) in composition.licenses.enumerated() { texts["LICENSE-\(number + 1).txt"] = Array(text.utf8) }
    if let template = composition.template { texts["chat_template.jinja"] = Array(template.utf8) }
    for (type, bytes) in composition.documents { texts[Self.fileName(type)] = bytes }
    try await store.withWorkspace(blobs: blobs, texts: texts) { folder in
      let projector = blobs.count > 1 ? blobs.keys.sorted().first(where: Self.isProjector) : nil
      var request = PackageRequest(source: source(folder), created: Date())
      if case .weights = request.source { request.mmproj = projector.map { folder.appending($0) } }
      request.licenses = composition.licenses.indices.map { folder.appending("LICENSE-\($0 + 1).txt") }
      request.chatTemplate = composition.template.map { _ in folder.appending("chat_template.jinja") }
      request.documents = composition.documents.keys.reduce(into: [:]) {
        $0[$1] = folder.appending(Self.fileName($1))
      }
      request.contextSize = composition.contextSize
      _ = try await adopt(Self.adoption(of: try await ModelPackage.build(request), tag: "\(reference)"))
    }
  }

  private static func fileName(_ mediaType: String) -> String {
    "ollama-" + (mediaType.split(separator: ".").last.map(String.init) ?? "document")
  }

  private static func adoption(of package: ModelPackage, tag: String) -> AdoptRequest {
    let files = package.layers.compactMap { layer -> AdoptRequest.File? in
      guard case .file(let path, let identity?) = layer.content else { return nil }
      return AdoptRequest.File(
        digest: layer.descriptor.digest, path: path.string, size: identity.size, device: identity.device,
        inode: identity.inode, modified: identity.modified)
    }
    return AdoptRequest(
      manifest: String(decoding: package.manifestBytes, as: UTF8.self),
      config: String(decoding: package.configBytes, as: UTF8.self), files: files, tag: tag, link: true)
  }
}
