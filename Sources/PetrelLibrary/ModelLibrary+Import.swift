// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelGGUF
import PetrelOCI
import PetrelStore
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelLibrary {
  /// Media types of files that can be imported, those of weights first.
  private static let importable = [
    MediaType.gguf, MediaType.safetensors, MediaType.mmproj, MediaType.chatTemplate, MediaType.license,
    MediaType.modelFile,
  ]

  /// Makes a model of local files, which become blobs without a copy where the file system allows that. The model
  /// appears when all files have been read and checked.
  ///
  /// The caller vouches for whoever names the paths: the daemon opens them with its own rights.
  package func importModel(_ request: ImportRequest) async throws -> ImportResponse {
    try await translatingErrors {
      let reference = try tagReference(request.name)
      let contextSize = try checked(request)
      for file in request.files where file.mediaType == MediaType.gguf { try requireGGUF(file) }
      let hold = try await store.hold([])
      defer { withExtendedLifetime(hold) {} }
      let created = Date(timeIntervalSince1970: Double(request.created)).formatted(.iso8601)
      var layers: [Descriptor] = []
      var files: [ImportResponse.File] = []
      for file in request.files {
        let adoption = try await store.adopt(
          FilePath(file.path), expecting: file.digest, mayLink: request.link, hold: hold)
        layers.append(
          try ArtifactDraft.layer(
            file.mediaType, path: file.name, size: adoption.size, digest: adoption.digest, modified: created))
        files.append(
          ImportResponse.File(
            name: file.name, digest: adoption.digest, size: adoption.size, method: adoption.method.rawValue))
      }
      var draft = try await draft(of: layers, created: created)
      if let contextSize { draft.config.contextSize = contextSize }
      let sealed = try draft.sealed()
      hold.insert(sealed.configDescriptor.digest)
      try await store.writeBlob(sealed.config, as: sealed.configDescriptor)
      let model = try await store.commit(manifest: sealed.manifest, id: sealed.id, tag: reference)
      changed()
      return ImportResponse(id: model.id, name: reference.description, files: files)
    }
  }

  /// Before anything is copied: copies made for nothing would stay until the store is tidied up. What else is wrong with
  /// a file, its adoption says.
  private func requireGGUF(_ file: ImportRequest.File) throws {
    let path = FilePath(file.path)
    guard (try? path.stat().type) == .regular, let weights = try? WeightsFile(path) else { return }
    guard try weights.read(at: 0, count: 4) == Array("GGUF".utf8) else {
      throw LibraryError(.invalidRequest, "\(file.name) is not a GGUF file")
    }
  }

  private func checked(_ request: ImportRequest) throws -> Int32? {
    func refuse(_ reason: String) -> LibraryError {
      LibraryError(.invalidRequest, "\(quoted(request.name)) cannot be imported: \(reason)")
    }
    let weights = Self.importable[..<2]
    guard let first = request.files.first, weights.contains(first.mediaType) else {
      throw refuse("the first file must be GGUF or safetensors weights")
    }
    var names: Set<String> = []
    for file in request.files {
      guard Self.importable.contains(file.mediaType) else { throw refuse("\(quoted(file.mediaType)) is not known") }
      guard file.path.hasPrefix("/"), !file.path.utf8.contains(0) else {
        throw refuse("\(quoted(file.path)) is not an absolute path")
      }
      _ = try ModelPath.components(of: file.name)
      guard names.insert(file.name).inserted else { throw refuse("two files are called \(quoted(file.name))") }
      guard !weights.contains(file.mediaType) || file.mediaType == first.mediaType else {
        throw refuse("its weights have two formats")
      }
    }
    guard let size = request.contextSize else { return nil }
    guard let contextSize = Int32(exactly: size), contextSize > 0 else {
      throw refuse("the context size must be from 1 to \(Int32.max) tokens, not \(size)")
    }
    return contextSize
  }

  /// Reads the weights' headers from the blobs that they have become.
  private func draft(of layers: [Descriptor], created: String) async throws -> ArtifactDraft {
    let isGGUF = layers.first?.mediaType == MediaType.gguf
    var headers: [GGUFHeader] = []
    var summary = SafetensorsSummary()
    var isKnown = true
    var size: Int64 = 0
    for layer in layers where [MediaType.gguf, MediaType.safetensors].contains(layer.mediaType) {
      let file = try WeightsFile(try await store.blobPath(layer))
      size += layer.size
      if isGGUF {
        do {
          headers.append(try GGUFHeader(reading: file))
        } catch {
          guard error.code != .notGGUF else {
            throw LibraryError(.invalidRequest, "\(layer.annotatedPath ?? "") is not a GGUF file")
          }
          isKnown = false
        }
      } else {
        isKnown = summary.add(try file.safetensorsHeader()) && isKnown
      }
    }
    if isGGUF {
      return ArtifactDraft(config: ModelConfig(gguf: isKnown ? headers : []), created: created, layers: layers)
    }
    let settings = layers.first { $0.annotatedPath == "config.json" && $0.size <= Int64(ModelStore.maximumConfigSize) }
    var bytes: [UInt8] = []
    if let settings { bytes = try await store.blobBytes(settings) }
    let config = isKnown ? summary.config(size: size, settings: bytes) : ModelConfig(format: "safetensors")
    return ArtifactDraft(configType: MediaType.configV02, config: config, created: created, layers: layers)
  }
}
