// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelPackage {
  /// Another model with more layers, another context size or in the other format. It keeps the flavour of its source,
  /// which decides how it is unpacked, unless the request says otherwise.
  ///
  /// A chat template or a projector takes the place of the source's: of two, engines would get neither.
  static func variant(
    of artifact: StoredArtifact, _ request: PackageRequest, adding extras: [LayerInput], contextSize: Int32?
  ) async throws -> ModelPackage {
    let source = try VariantSource(artifact)
    let isModelPack = source.isModelPack || request.format == .cncf
    if source.isModelPack, request.format == .docker {
      throw PackagingError(
        .unsupportedCombination,
        "a CNCF ModelPack model cannot become one in Docker's format: its config lacks what that needs; package its "
          + "files anew")
    }
    if isModelPack { try refuseWhatModelPackLacks(request) }
    if source.manifest.config.mediaType == MediaType.configV02, !request.directoryTars.isEmpty {
      throw PackagingError(
        .unsupportedCombination,
        "--dir-tar cannot be added to this model: its files keep their paths; package its folder")
    }

    var layers = source.manifest.layers.map { PackagedLayer(descriptor: $0, content: .stored) }
    for input in extras {
      let placed = source.place(input, asModelPack: isModelPack)
      let layer = try await placed.layer(latest: request.latestModification)
      layers.removeAll { source.replaces($0.descriptor, by: layer.descriptor, asModelPack: isModelPack) }
      layers.append(layer)
    }
    let diffIDs = layers.map(\.descriptor.digest)
    if isModelPack {
      var config = try source.modelPackConfig(diffIDs: diffIDs)
      config.modelfs.diffIds = diffIDs
      guard !source.isModelPack || !extras.isEmpty else { return try source.unchanged(artifact, layers) }
      return try modelPack(config, layers: layers, warnings: [])
    }
    guard contextSize != nil || !extras.isEmpty else { return try source.unchanged(artifact, layers) }
    var config = DockerConfigFile(config: source.summary.config, created: "", diffIDs: diffIDs)
    config.descriptor.created = source.created
    if let contextSize { config.config.contextSize = contextSize }
    return try ModelPackage(
      configBytes: try config.serialized(), configType: source.manifest.config.mediaType, layers: layers, warnings: [])
  }
}

/// The documents of the model that a variant is made of.
private struct VariantSource {
  let manifest: Manifest
  let summary: ConfigSummary
  let configBytes: [UInt8]

  init(_ artifact: StoredArtifact) throws(PackagingError) {
    do {
      manifest = try Manifest(decoding: artifact.manifest)
      summary = try ConfigSummary(decoding: artifact.config)
    } catch {
      throw PackagingError(error)
    }
    configBytes = artifact.config
  }

  var isModelPack: Bool { manifest.isModelPack || summary.isModelPack }

  /// As the source says it: RFC 3339.
  var created: String? {
    try? JSONDecoder().decode(CreationView.self, from: Data(configBytes)).descriptor?.created
  }

  func modelPackConfig(diffIDs: [Digest]) throws(PackagingError) -> ModelPackConfigFile {
    guard isModelPack else { return ModelPackConfigFile(summary.config, created: created, diffIDs: diffIDs) }
    do {
      return try ModelPackConfigFile(decoding: configBytes)
    } catch {
      throw PackagingError(error)
    }
  }

  func unchanged(_ artifact: StoredArtifact, _ layers: [PackagedLayer]) throws -> ModelPackage {
    try ModelPackage(
      manifest: manifest, manifestBytes: artifact.manifest, configBytes: artifact.config, layers: layers, warnings: [])
  }

  /// Gives an added file the name by which it is known for what it is.
  func place(_ input: LayerInput, asModelPack: Bool) -> LayerInput {
    guard asModelPack, input.mediaType == MediaType.mmproj else { return input }
    var input = input
    input.path = ModelPackage.projectorName(input.path)
    return input
  }

  func replaces(_ old: Descriptor, by new: Descriptor, asModelPack: Bool) -> Bool {
    // The same text once is enough.
    if old.mediaType == new.mediaType, old.digest == new.digest { return true }
    let keepsPaths = asModelPack || manifest.config.mediaType == MediaType.configV02
    if keepsPaths, let path = new.annotatedPath, old.annotatedPath == path { return true }
    switch new.mediaType {
    case MediaType.chatTemplate:
      let isTemplate = old.annotatedPath?.lowercased().hasSuffix(".jinja") ?? true
      return old.mediaType == MediaType.chatTemplate && isTemplate
        || keepsPaths && isTemplate && old.mediaType == MediaType.cncfWeightConfigRaw
    case MediaType.mmproj:
      let isNamed = (old.annotatedPath.map { FileClass($0).isWeight && $0.lowercased().contains("mmproj") }) ?? false
      return old.mediaType == MediaType.mmproj || keepsPaths && isNamed
    case MediaType.ollamaSystem, MediaType.ollamaParameters, MediaType.ollamaMessages:
      return old.mediaType == new.mediaType
    default: return false
    }
  }

  private struct CreationView: Decodable {
    struct Descriptor: Decodable { var created: String? }
    var descriptor: Descriptor?
  }
}
