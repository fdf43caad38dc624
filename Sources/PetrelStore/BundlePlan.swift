// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// Which layer goes where in a bundle, and what the files are. Computed from the manifest, the config and the tables of
/// contents of archives, so a fresh bundle and one that is used again are described alike.
struct BundlePlan: Hashable, Sendable {
  struct File: Hashable, Sendable {
    enum Content: Hashable, Sendable {
      /// The layer itself.
      case layer
      /// Bytes of the layer, which is an archive.
      case part(offset: Int64, isExecutable: Bool)
    }

    /// Under the model's folder; checked.
    var path: [String]
    var layer: Descriptor
    var content: Content
    /// Bytes.
    var size: Int64
  }

  /// The table of contents of an archive.
  typealias Archive = (_ layer: Descriptor) throws -> [LayerArchive.Entry]

  private(set) var files: [File] = []
  private(set) var gguf: [String]?
  private(set) var safetensors: [String]?
  private(set) var dduf: [String]?
  private(set) var mmproj: [String]?
  private(set) var chatTemplate: [String]?

  private var weights: [LayerKind: [[String]]] = [:]
  private var projectors: [[String]] = []
  private var templates: [[String]] = []
  /// What is at each path already: a file, or a folder that holds some.
  private var taken: [[String]: Bool] = [:]
  /// The annotation that led to each path.
  private var annotations: [[String]: String] = [:]

  /// Throws ``StoreError``: `invalidArtifact` for paths that leave the folder or collide, `unsupportedArtifact` when no
  /// layer holds weights.
  ///
  /// - Parameters:
  ///   - isModelPack: whether the artifact is one of CNCF ModelPack, by its manifest or by its config.
  ///   - archive: called for each layer that is to be unpacked.
  init(manifest: Manifest, config: ModelConfig, isModelPack: Bool, archive: Archive) throws {
    try Self.requireSupported(manifest.layers, format: config.format, isModelPack: isModelPack)
    if isModelPack || manifest.config.mediaType == MediaType.configV02 {
      try placeByAnnotation(manifest.layers, format: config.format, archive: archive)
    } else {
      try placeByKind(manifest.layers, format: config.format, archive: archive)
    }
    guard !weights.isEmpty else {
      throw StoreError(
        .unsupportedArtifact, "no supported model weights found (expected GGUF, safetensors, or diffusers/DDUF)")
    }
    // The first shard of a model is first by name.
    gguf = weights[.gguf]?.min(by: Self.precedes)
    safetensors = weights[.safetensors]?.min(by: Self.precedes)
    dduf = weights[.dduf]?.min(by: Self.precedes)
    mmproj = projectors.min(by: Self.precedes)
    chatTemplate = templates.first { $0 == ["chat_template.jinja"] } ?? templates.min(by: Self.precedes)
  }

  /// Throws ``StoreError`` (`unsupportedArtifact`) for layers that cannot be unpacked.
  static func requireSupported(_ layers: [Descriptor], format: String?, isModelPack: Bool) throws(StoreError) {
    for layer in layers {
      let kind = LayerKind(layer, modelFormat: format)
      guard kind == .unsupportedArchive || (kind == .packed && !isModelPack) else { continue }
      throw StoreError(
        .unsupportedArtifact,
        "layers of type \(quoted(layer.mediaType)) are not supported; package the model with uncompressed files")
    }
  }

  /// Config v0.2 and CNCF ModelPack: every layer at its annotated path, or what is in it at the paths that the archive
  /// has.
  private mutating func placeByAnnotation(_ layers: [Descriptor], format: String?, archive: Archive) throws {
    for layer in layers {
      if LayerKind(layer, modelFormat: format) == .packed {
        for path in try unpack(layer, try archive(layer)) {
          note(LayerKind(packed: path.last ?? "", in: layer, modelFormat: format), at: path)
          noteTemplate(path)
        }
        continue
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
      note(LayerKind(layer, modelFormat: format), at: path)
      noteTemplate(path)
    }
  }

  /// Config v0.1: files get fixed names.
  private mutating func placeByKind(_ layers: [Descriptor], format: String?, archive: Archive) throws {
    let kinds = layers.map { ($0, LayerKind($0, modelFormat: format)) }
    func all(_ kind: LayerKind) -> [Descriptor] { kinds.filter { $0.1 == kind }.map(\.0) }
    // A file that is called a projector is none when it is all there is.
    let named = all(.gguf)
    let ggufs = named.isEmpty ? layers.filter { $0.mediaType == MediaType.gguf } : named
    let safetensors = all(.safetensors)
    if !ggufs.isEmpty {
      for (number, layer) in ggufs.enumerated() {
        try placeWeight(.gguf, layer, at: [Self.shardName("gguf", number + 1, of: ggufs.count)])
      }
    } else if !safetensors.isEmpty {
      try placeSafetensors(safetensors)
    } else if let layer = all(.dduf).first {
      try placeWeight(.dduf, layer, at: try annotated(layer) ?? ["\(layer.digest.hex).dduf"])
    }

    // Several projectors or templates: none is meant more than another.
    let mmprojs = all(.mmproj).filter { !ggufs.contains($0) }
    if mmprojs.count == 1 {
      try place(mmprojs[0], at: ["model.mmproj"])
      projectors = [["model.mmproj"]]
    }
    let templateLayers = all(.chatTemplate)
    if templateLayers.count == 1 {
      try place(templateLayers[0], at: ["template.jinja"])
      templates = [["template.jinja"]]
    }
    for layer in layers where layer.mediaType == MediaType.modelFile {
      guard let path = try annotated(layer), taken[path] != true else { continue }
      try place(layer, at: path)
    }
    let configs = layers.filter { $0.mediaType == MediaType.vllmConfigTar }
    let archives = (configs.count == 1 ? configs : []) + layers.filter { $0.mediaType == MediaType.directoryTar }
    for layer in archives { _ = try unpack(layer, try archive(layer)) }
  }

  private mutating func placeSafetensors(_ layers: [Descriptor]) throws(StoreError) {
    let isAnnotated = layers.contains { $0.annotatedPath != nil }
    for (number, layer) in layers.enumerated() {
      if !isAnnotated {
        try placeWeight(
          .safetensors, layer, at: [Self.shardName("safetensors", number + 1, of: layers.count)])
      } else if let path = try annotated(layer) {
        try placeWeight(.safetensors, layer, at: path)
      }
    }
  }

  /// Returns where the files are.
  private mutating func unpack(
    _ layer: Descriptor, _ entries: [LayerArchive.Entry]
  ) throws(StoreError) -> [[String]] {
    var paths: [[String]] = []
    for entry in entries {
      let path = try checked { () throws(OCIError) in try ModelPath.components(of: entry.name) }
      let content = File.Content.part(offset: entry.offset, isExecutable: entry.isExecutable)
      try place(File(path: path, layer: layer, content: content, size: entry.size))
      paths.append(path)
    }
    return paths
  }

  private mutating func placeWeight(_ kind: LayerKind, _ layer: Descriptor, at path: [String]) throws(StoreError) {
    try place(layer, at: path)
    note(kind, at: path)
  }

  private mutating func note(_ kind: LayerKind, at path: [String]) {
    if kind.isWeight { weights[kind, default: []].append(path) }
    if kind == .mmproj { projectors.append(path) }
  }

  private mutating func noteTemplate(_ path: [String]) {
    if path.last?.lowercased().hasSuffix(".jinja") == true { templates.append(path) }
  }

  private mutating func place(_ layer: Descriptor, at path: [String]) throws(StoreError) {
    try place(File(path: path, layer: layer, content: .layer, size: layer.size))
  }

  private mutating func place(_ file: File) throws(StoreError) {
    // The last look before the file system's own: each component is one name to it, and not `..`.
    guard file.path.allSatisfy({ FilePath.Component($0)?.kind == .regular }) else {
      throw StoreError(.invalidArtifact, "\(quoted(file.path.joined(separator: "/"))) is no path inside a model")
    }
    let folders = file.path.indices.dropFirst().map { Array(file.path[..<$0]) }
    guard taken[file.path] == nil, folders.allSatisfy({ taken[$0] != true }) else {
      throw StoreError(
        .invalidArtifact, "filepath collision: two files would be at \(quoted(file.path.joined(separator: "/")))")
    }
    taken[file.path] = true
    for folder in folders { taken[folder] = false }
    files.append(file)
  }

  private func annotated(_ layer: Descriptor) throws(StoreError) -> [String]? {
    guard let annotation = layer.annotatedPath else { return nil }
    return try checked { () throws(OCIError) in try ModelPath.components(of: annotation) }
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
