// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Which layer goes where in a bundle, and what the files are. Computed from the manifest alone, so a fresh bundle and
/// one that is used again are described alike.
struct BundlePlan: Hashable, Sendable {
  struct File: Hashable, Sendable {
    /// Under the model's folder; checked.
    var path: [String]
    var layer: Descriptor
  }

  private(set) var files: [File] = []
  private(set) var gguf: [String]?
  private(set) var mmproj: [String]?
  private(set) var chatTemplate: [String]?

  private var hasWeights = false
  private var ggufs: [[String]] = []
  private var projectors: [[String]] = []
  private var templates: [[String]] = []
  /// The annotation that led to each path.
  private var annotations: [[String]: String] = [:]

  /// Throws ``StoreError``: `invalidArtifact` for paths that leave the folder or collide, `unsupportedArtifact` when no
  /// layer holds weights.
  init(manifest: Manifest, config: ModelConfig) throws(StoreError) {
    let isCNCF = manifest.artifactType == MediaType.cncfManifest || manifest.config.mediaType == MediaType.configCNCF
    if isCNCF || manifest.config.mediaType == MediaType.configV02 {
      try placeByAnnotation(manifest.layers, format: config.format)
    } else {
      try placeByKind(manifest.layers)
    }
    guard hasWeights else {
      throw StoreError(
        .unsupportedArtifact, "no supported model weights found (expected GGUF, safetensors, or diffusers/DDUF)")
    }
    // The first shard of a model is first by name.
    gguf = ggufs.min(by: Self.precedes)
    mmproj = projectors.min(by: Self.precedes)
    chatTemplate = templates.first { $0 == ["chat_template.jinja"] } ?? templates.min(by: Self.precedes)
  }

  /// Config v0.2 and CNCF ModelPack: every layer at its annotated path.
  private mutating func placeByAnnotation(_ layers: [Descriptor], format: String?) throws(StoreError) {
    for layer in layers {
      let kind = LayerKind(layer, modelFormat: format)
      guard kind != .archive else {
        throw StoreError(
          .unsupportedArtifact,
          "layers of type \(quoted(layer.mediaType)) are not supported; package the model with uncompressed files")
      }
      guard let annotation = layer.annotatedPath else { continue }
      let path = try checked { () throws(OCIError) in try ModelPath.repairedComponents(of: annotation) }
      if let other = annotations[path] {
        if other == annotation { continue }
        throw StoreError(
          .invalidArtifact,
          "filepath collision: annotations \(quoted(other)) and \(quoted(annotation)) both resolve to "
            + quoted(path.joined(separator: "/")))
      }
      annotations[path] = annotation
      try place(layer, at: path)
      switch kind {
      case .gguf: ggufs.append(path)
      case .mmproj: projectors.append(path)
      case .safetensors, .dduf, .chatTemplate, .other, .archive: break
      }
      if path.last?.lowercased().hasSuffix(".jinja") == true { templates.append(path) }
      if kind.isWeight { hasWeights = true }
    }
  }

  /// Config v0.1: files get fixed names.
  private mutating func placeByKind(_ layers: [Descriptor]) throws(StoreError) {
    func all(_ type: String) -> [Descriptor] { layers.filter { $0.mediaType == type } }
    let ggufLayers = all(MediaType.gguf)
    let safetensors = all(MediaType.safetensors)
    if !ggufLayers.isEmpty {
      for (number, layer) in ggufLayers.enumerated() {
        let path = [Self.shardName("gguf", number + 1, of: ggufLayers.count)]
        try place(layer, at: path)
        ggufs.append(path)
      }
    } else if !safetensors.isEmpty {
      let isAnnotated = safetensors.contains { $0.annotatedPath != nil }
      for (number, layer) in safetensors.enumerated() {
        if !isAnnotated {
          try place(layer, at: [Self.shardName("safetensors", number + 1, of: safetensors.count)])
        } else if let annotation = layer.annotatedPath {
          try place(layer, at: try checked { () throws(OCIError) in try ModelPath.components(of: annotation) })
        }
      }
    } else if let layer = all(MediaType.dduf).first {
      try place(layer, at: ["\(layer.digest.hex).dduf"])
    }
    hasWeights = !files.isEmpty

    // Several projectors or templates: none is meant more than another.
    let mmprojLayers = all(MediaType.mmproj)
    if mmprojLayers.count == 1 {
      try place(mmprojLayers[0], at: ["model.mmproj"])
      projectors = [["model.mmproj"]]
    }
    // Some packagers took `chat_template.json`, which is no template, for one.
    let templateLayers = all(MediaType.chatTemplate).filter { $0.annotatedPath?.hasSuffix(".json") != true }
    if templateLayers.count == 1 {
      try place(templateLayers[0], at: ["template.jinja"])
      templates = [["template.jinja"]]
    }
    for layer in all(MediaType.modelFile) {
      guard let annotation = layer.annotatedPath else { continue }
      let path = try checked { () throws(OCIError) in try ModelPath.components(of: annotation) }
      if !files.contains(where: { $0.path == path }) { try place(layer, at: path) }
    }
  }

  private mutating func place(_ layer: Descriptor, at path: [String]) throws(StoreError) {
    let collides = files.contains { $0.path.starts(with: path) || path.starts(with: $0.path) }
    guard !collides else {
      throw StoreError(
        .invalidArtifact, "filepath collision: two files would be at \(quoted(path.joined(separator: "/")))")
    }
    files.append(File(path: path, layer: layer))
  }

  private func checked(_ body: () throws(OCIError) -> [String]) throws(StoreError) -> [String] {
    do { return try body() } catch { throw StoreError(error) }
  }

  private static func shardName(_ suffix: String, _ number: Int, of count: Int) -> String {
    func five(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    return count == 1 ? "model.\(suffix)" : "model-\(five(number))-of-\(five(count)).\(suffix)"
  }

  /// Top-level files before nested ones, then by name.
  private static func precedes(_ left: [String], _ right: [String]) -> Bool {
    left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
  }
}
