// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelPackage {
  /// Reads and hashes the request's files, each once. Layers are in the order weights (or the files of a folder),
  /// licences, chat template, projector, folders.
  ///
  /// Weights whose header cannot be read are packaged with the bare format as config, and a warning.
  /// - Throws: ``PackagingError``, `CancellationError`.
  package static func build(_ request: PackageRequest) async throws -> ModelPackage {
    let contextSize = try validated(contextSize: request.contextSize)
    // All files are opened first: a wrong path shows at once, not after minutes of hashing.
    let extras = try extras(of: request)
    if case .model(let artifact) = request.source {
      return try await variant(of: artifact, request, adding: extras, contextSize: contextSize)
    }
    let isModelPack = request.format == .cncf
    if isModelPack { try refuseWhatModelPackLacks(request) }
    var (inputs, config, warnings, configType) = try contents(of: request.source)
    if let contextSize { config.contextSize = contextSize }
    var layers: [PackagedLayer] = []
    if isModelPack || configType == MediaType.configV02 {
      for (index, input) in extras.enumerated() { try requireNewPath(input, beside: inputs + extras[..<index]) }
    }
    for input in inputs + extras { layers.append(try await input.layer(latest: request.latestModification)) }
    guard isModelPack else {
      return try ModelPackage(
        config: config, layers: layers, created: request.created, warnings: warnings, configType: configType)
    }
    return try modelPack(
      ModelPackConfigFile(
        config, created: Timestamp(request.created).text, diffIDs: layers.map(\.descriptor.digest)),
      layers: layers, warnings: warnings)
  }

  /// The documents of a ModelPack artifact with these layers.
  static func modelPack(
    _ config: ModelPackConfigFile, layers: [PackagedLayer], warnings: [String]
  ) throws -> ModelPackage {
    let layers = layers.map { layer in
      var descriptor = layer.descriptor
      descriptor.mediaType = MediaType.modelPack(for: descriptor.mediaType, path: descriptor.annotatedPath)
      return PackagedLayer(descriptor: descriptor, content: layer.content)
    }
    return try ModelPackage(
      configBytes: try config.serialized(), configType: MediaType.configCNCF, artifactType: MediaType.cncfManifest,
      layers: layers, warnings: warnings)
  }

  static func refuseWhatModelPackLacks(_ request: PackageRequest) throws(PackagingError) {
    guard request.contextSize == nil else {
      throw PackagingError(
        .unsupportedCombination,
        "--context-size is not supported with --format cncf: the CNCF ModelPack specification does not define a context "
          + "size field")
    }
    guard request.directoryTars.isEmpty else {
      throw PackagingError(
        .unsupportedCombination,
        "--dir-tar is not supported with --format cncf: package the files' folder with --safetensors-dir instead")
    }
  }

  private static func validated(contextSize: Int64?) throws(PackagingError) -> Int32? {
    guard let contextSize else { return nil }
    guard contextSize > 0, let size = Int32(exactly: contextSize) else {
      throw PackagingError(
        .invalidContextSize, "context size \(contextSize) is out of range: want 1 to \(Int32.max) tokens")
    }
    return size
  }

  private static func extras(of request: PackageRequest) throws(PackagingError) -> [LayerInput] {
    var inputs: [LayerInput] = []
    for path in request.licenses {
      inputs.append(LayerInput(try LocalFile(opening: path), mediaType: MediaType.license))
    }
    if let path = request.chatTemplate {
      inputs.append(LayerInput(try LocalFile(opening: path), mediaType: MediaType.chatTemplate))
    }
    if let path = request.mmproj {
      var input = LayerInput(try LocalFile(opening: path), mediaType: MediaType.mmproj)
      // ModelPack has no type for projectors: they are told by their name.
      if request.format == .cncf { input.path = projectorName(input.path) }
      inputs.append(input)
    }
    for (type, path) in request.documents.sorted(by: { $0.key < $1.key }) {
      inputs.append(LayerInput(try LocalFile(opening: path), mediaType: type))
    }
    for path in request.directoryTars { inputs.append(LayerInput(try DirectoryTar(of: path))) }
    return inputs
  }

  static func projectorName(_ name: String) -> String {
    name.lowercased().contains("mmproj") ? name : "mmproj-" + name
  }

  private typealias Contents = (
    inputs: [LayerInput], config: ModelConfig, warnings: [String], configType: String
  )

  private static func contents(of source: PackageRequest.Source) throws -> Contents {
    switch source {
    case .weights(let path):
      let weights = try WeightFiles(at: path)
      let (config, warnings) = weights.describe()
      let type = weights.format.mediaType
      return (weights.files.map { LayerInput($0, mediaType: type) }, config, warnings, MediaType.configV01)
    case .directory(let path):
      return try contents(ofDirectory: path)
    case .model:
      return ([], ModelConfig(), [], MediaType.configV01)
    }
  }

  private static func contents(ofDirectory folder: FilePath) throws -> Contents {
    let walk = try DirectoryWalk(folder)
    var inputs: [LayerInput] = []
    var weights: [(kind: FileClass, file: LocalFile)] = []
    for entry in walk.entries where !entry.isDirectory {
      let kind = FileClass(entry.name)
      let file = try LocalFile(opening: entry.path, allowsEmpty: !kind.isWeight)
      inputs.append(LayerInput(file, mediaType: kind.mediaType, path: entry.name))
      if kind.isWeight { weights.append((kind, file)) }
    }
    guard !inputs.isEmpty else {
      throw PackagingError(
        .nothingToPackage, "no files found in directory: \(folder)" + DirectoryTar.hint(walk))
    }
    // A projector says nothing about the model it belongs to.
    let models = weights.filter { !$0.file.name.lowercased().contains("mmproj") }
    guard let first = models.first ?? weights.first else {
      throw PackagingError(
        .nothingToPackage,
        "no weight files (safetensors, GGUF, or DDUF) found in directory: \(folder)" + DirectoryTar.hint(walk))
    }
    let described = (models.isEmpty ? weights : models).filter { $0.kind == first.kind }.map(\.file)
    let (config, warnings) = WeightFiles(format: first.kind, files: described).describe()
    return (inputs, config, warnings, MediaType.configV02)
  }

  /// Where files keep their paths, no two may have the same.
  private static func requireNewPath(
    _ input: LayerInput, beside others: [LayerInput]
  ) throws(PackagingError) {
    guard input.mediaType != MediaType.directoryTar else {
      throw PackagingError(
        .unsupportedCombination, "--dir-tar cannot be used with --safetensors-dir: put the files into that folder")
    }
    guard !others.contains(where: { $0.path == input.path }) else {
      throw PackagingError(
        .unsupportedCombination, "the model has a file \(quoted(input.path)) already: rename one of the two")
    }
  }
}
