// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelOCI
import PetrelWire
import SystemPackage

extension ModelPackage {
  /// Reads and hashes the request's files. Layers are in the order weights, licences, chat template, projector.
  ///
  /// Weights whose header cannot be read are packaged with the bare format as config, and a warning.
  /// - Throws: ``PackagingError``, `CancellationError`.
  package static func build(_ request: PackageRequest) async throws -> ModelPackage {
    let contextSize = try validated(contextSize: request.contextSize)
    let shards = try shards(of: request.gguf)
    let extras =
      request.licenses.map { (MediaType.license, $0) }
      + [(MediaType.chatTemplate, request.chatTemplate), (MediaType.mmproj, request.mmproj)]
      .compactMap { type, path in path.map { (type, $0) } }
    // All are opened first: a wrong path shows at once, not after minutes of hashing.
    let extraFiles = try extras.map { (type: $0, file: try LocalFile(opening: $1)) }

    var (config, warnings) = try describe(shards)
    if let contextSize { config.contextSize = contextSize }
    var layers: [PackagedLayer] = []
    for file in shards { layers.append(try await layer(of: file, mediaType: MediaType.gguf)) }
    for extra in extraFiles { layers.append(try await layer(of: extra.file, mediaType: extra.type)) }
    return try ModelPackage(config: config, layers: layers, created: request.created, warnings: warnings)
  }

  private static func validated(contextSize: Int64?) throws(PackagingError) -> Int32? {
    guard let contextSize else { return nil }
    guard contextSize > 0, let size = Int32(exactly: contextSize) else {
      throw PackagingError(
        .invalidContextSize, "context size \(contextSize) is out of range: want 1 to \(Int32.max) tokens")
    }
    return size
  }

  private static func shards(of path: FilePath) throws(PackagingError) -> [LocalFile] {
    let name = path.lastComponent?.string ?? ""
    let names = GGUFShards.names(for: name)
    guard names.count > 1 else { return [try LocalFile(opening: path)] }
    var files: [LocalFile] = []
    for shard in names {
      do {
        files.append(try LocalFile(opening: path.removingLastComponent().appending(shard)))
      } catch  where error.code == .fileNotFound {
        throw PackagingError(
          .missingShard, "\(shard) is missing: the model has \(names.count) shards, put all of them into one folder")
      }
    }
    return files
  }

  private static func describe(_ files: [LocalFile]) throws(PackagingError) -> (ModelConfig, warnings: [String]) {
    var headers: [GGUFHeader] = []
    for file in files {
      do {
        headers.append(try GGUFHeader(reading: file))
      } catch {
        guard error.code != .notGGUF || file.name.lowercased().hasSuffix(".gguf") else {
          throw PackagingError(.notGGUF, "\(file.path) is not a GGUF file")
        }
        let warning =
          "the header of \(file.path) cannot be read (\(error)): "
          + "the model is packaged without its parameters, quantization and context size"
        return (ModelConfig(format: "gguf"), [warning])
      }
    }
    let facts = GGUFFacts(headers)
    let config = ModelConfig(
      format: "gguf", quantization: facts.quantization, parameters: facts.parameters,
      architecture: facts.architecture.isEmpty ? nil : facts.architecture, size: facts.size,
      gguf: facts.metadata.isEmpty ? nil : facts.metadata, contextSize: facts.contextSize)
    return (config, [])
  }

  private static func layer(of file: LocalFile, mediaType: String) async throws -> PackagedLayer {
    let metadata = FileMetadata(
      name: file.name, mode: file.mode, size: file.byteCount, mtime: file.modified.text)
    let descriptor = Descriptor(
      mediaType: mediaType, size: file.byteCount, digest: try await file.digest(),
      annotations: [
        LayerAnnotation.filePath: file.name,
        LayerAnnotation.fileMetadata: try CanonicalJSONEncoder().encode(metadata),
        LayerAnnotation.mediaTypeUntested: "false",
      ])
    return PackagedLayer(descriptor: descriptor, file: file.path)
  }
}

/// The value of the annotation `org.cncf.model.file.metadata+json`. The order of members is the order on the wire.
///
/// Source: CNCF ModelPack specification, annotations.
private struct FileMetadata: Encodable {
  let name: String
  /// Permission bits.
  let mode: Int
  let uid = 0
  let gid = 0
  let size: Int64
  /// RFC 3339.
  let mtime: String
  /// A regular file.
  let typeflag = 0
}
