// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelHub
import PetrelOCI
import PetrelStore

/// Makes the artifact of a repository's revision without downloading its weights: their digests are in the listing,
/// and what the config needs to know is at their beginning.
///
/// The result depends on the revision and on nothing else, so that everybody gets the same model ID.
struct HubArtifactBuilder {
  /// Bytes of a file that is not in large file storage. The hub's own limit is ten million.
  private static let smallFile = 16 * 1024 * 1024
  /// Bytes of all of them.
  private static let allSmallFiles = 128 * 1024 * 1024
  /// Bytes of weights that are looked at first, of the first file and of others, and at most.
  private static let firstLook = 1024 * 1024
  private static let laterLook = 256 * 1024
  private static let longestLook = 256 * 1024 * 1024

  let hub: HubClient
  let store: ModelStore
  let revision: HubRevision
  let selector: String?
  let token: String?

  private var files: [Digest: HubFile] = [:]
  private var contents: [Digest: [UInt8]] = [:]
  private var smallBytes = 0

  init(hub: HubClient, store: ModelStore, revision: HubRevision, selector: String?, token: String?) {
    self.hub = hub
    self.store = store
    self.revision = revision
    self.selector = selector
    self.token = token
  }

  /// Throws `HubError`, `RegistryError`, `StoreError` or `CancellationError`.
  mutating func build() async throws -> HubArtifact {
    let listing = try await hub.files(of: revision, token: token)
    let choice = try FileChoice(from: listing, selector: selector, repository: revision.repository)
    var draft =
      switch choice.form {
      case .gguf: try await ggufDraft(choice)
      case .folder: try await folderDraft(choice)
      case .dduf: try await ddufDraft(choice)
      }
    draft.annotations = [
      HubAnnotation.source: HubClient.page(of: revision.repository), HubAnnotation.revision: revision.commit,
    ]
    return HubArtifact(
      hub: hub, revision: revision, token: token, sealed: try draft.sealed(), files: files, contents: contents)
  }

  private var modified: String { revision.lastModified ?? ArtifactDraft.unknownTime }

  private mutating func ggufDraft(_ choice: FileChoice) async throws -> ArtifactDraft {
    var layers: [Descriptor] = []
    for file in choice.weights { layers.append(try await layer(MediaType.gguf, file, path: file.name)) }
    let headers = try await headers(of: choice.weights, as: layers)
    for file in choice.licenses { layers.append(try await layer(MediaType.license, file, path: file.name)) }
    if let template = try await template(choice, headers) { layers.append(template) }
    if let projector = choice.projector {
      layers.append(try await layer(MediaType.mmproj, projector, path: projector.name))
    }
    return ArtifactDraft(config: ModelConfig(gguf: headers), created: modified, layers: layers)
  }

  private mutating func folderDraft(_ choice: FileChoice) async throws -> ArtifactDraft {
    var layers: [Descriptor] = []
    for file in (choice.weights + choice.others).sorted(by: HubFile.inWalkingOrder) {
      let type =
        switch file.kind {
        case .safetensors: MediaType.safetensors
        case .chatTemplate: MediaType.chatTemplate
        case .license: MediaType.license
        default: MediaType.modelFile
        }
      layers.append(try await layer(type, file, path: file.path))
    }
    var summary = SafetensorsSummary()
    var isKnown = true
    for file in choice.weights { isKnown = summary.add(try await safetensorsHeader(of: file)) && isKnown }
    let size = choice.totalSize
    // The settings beside the weights, else those of the root.
    let folders = [choice.weights.first?.folder ?? "", ""]
    let settings = folders.lazy.compactMap { folder in layers.first { $0.annotatedPath == folder + "config.json" } }
      .first
    let config =
      isKnown
      ? summary.config(size: size, settings: settings.flatMap { contents[$0.digest] } ?? [])
      : ModelConfig(format: "safetensors")
    return ArtifactDraft(configType: MediaType.configV02, config: config, created: modified, layers: layers)
  }

  private mutating func ddufDraft(_ choice: FileChoice) async throws -> ArtifactDraft {
    var layers: [Descriptor] = []
    for file in choice.weights { layers.append(try await layer(MediaType.dduf, file, path: file.name)) }
    for file in choice.licenses { layers.append(try await layer(MediaType.license, file, path: file.name)) }
    let size = choice.totalSize
    var config = ModelConfig(
      format: "dduf", architecture: "diffusers",
      size: SafetensorsSummary.text(Double(size), units: ["B", "kB", "MB", "GB", "TB"]))
    config.diffusers = ["dduf_file": choice.weights.first?.name ?? "", "layout": "dduf"]
    return ArtifactDraft(config: config, created: modified, layers: layers)
  }

  // MARK: Files

  /// Small files have no digest in the listing and are fetched to know it.
  private mutating func layer(_ mediaType: String, _ file: HubFile, path: String) async throws -> Descriptor {
    let digest: Digest
    if let known = file.digest {
      digest = known
      files[known] = file
    } else {
      digest = keep(try await content(of: file))
    }
    return try ArtifactDraft.layer(mediaType, path: path, size: file.size, digest: digest, modified: modified)
  }

  private mutating func content(of file: HubFile) async throws -> [UInt8] {
    let bytes = try await hub.content(of: file, in: revision, limit: Self.smallFile, token: token)
    smallBytes += bytes.count
    guard smallBytes <= Self.allSmallFiles else {
      throw HubError(
        .unusable, "\(revision.repository) has more than \(Self.allSmallFiles) bytes outside of large file storage")
    }
    return bytes
  }

  private mutating func keep(_ bytes: [UInt8]) -> Digest {
    let digest = Digest(of: bytes)
    contents[digest] = bytes
    return digest
  }

  /// A Jinja file; else nothing when the weights have a template; else the one in a JSON file.
  private mutating func template(_ choice: FileChoice, _ headers: [GGUFHeader]) async throws -> Descriptor? {
    if let jinja = choice.templates.first, jinja.name.lowercased().hasSuffix(".jinja") {
      return try await layer(MediaType.chatTemplate, jinja, path: jinja.name)
    }
    guard !headers.contains(where: { $0.metadata.contains { $0.key == "tokenizer.chat_template" } }) else { return nil }
    for file in choice.templates where file.size <= Int64(Self.smallFile) {
      guard let text = ChatTemplateFile.template(in: try await content(of: file)) else { continue }
      let bytes = Array(text.utf8)
      return try ArtifactDraft.layer(
        MediaType.chatTemplate, path: "chat_template.jinja", size: Int64(bytes.count), digest: keep(bytes),
        modified: modified)
    }
    return nil
  }

  // MARK: Headers

  /// Empty when a header cannot be read.
  private func headers(of weights: [HubFile], as layers: [Descriptor]) async throws -> [GGUFHeader] {
    var headers: [GGUFHeader] = []
    for (index, (file, layer)) in zip(weights, layers).enumerated() {
      do {
        let look = index == 0 ? Self.firstLook : Self.laterLook
        headers.append(try await header(of: file, layer, firstLook: look))
      } catch is GGUFError {
        return []
      }
    }
    return headers
  }

  private func header(of file: HubFile, _ layer: Descriptor, firstLook: Int) async throws -> GGUFHeader {
    if let content = contents[layer.digest] {
      return try GGUFHeader(reading: GGUFBeginning(bytes: content, size: UInt64(content.count)))
    }
    if let path = try? await store.blobPath(layer), let local = try? WeightsFile(path) {
      return try GGUFHeader(reading: local)
    }
    var look = firstLook
    var bytes: [UInt8] = []
    while true {
      bytes = try await hub.beginning(of: file, in: revision, count: look, known: bytes, token: token)
      let isAll = Int64(bytes.count) == file.size || look >= Self.longestLook
      if let header = try Self.header(in: bytes, of: file, isAll: isAll) { return header }
      look *= 8
    }
  }

  /// Nil when more of the file is needed.
  private static func header(in bytes: [UInt8], of file: HubFile, isAll: Bool) throws(GGUFError) -> GGUFHeader? {
    do {
      return try GGUFHeader(reading: GGUFBeginning(bytes: bytes, size: UInt64(file.size)))
    } catch {
      guard error.code == .truncated, !isAll else { throw error }
      return nil
    }
  }

  private func safetensorsHeader(of file: HubFile) async throws -> [UInt8] {
    if let digest = file.digest, let content = contents[digest] { return content }
    var bytes = try await hub.beginning(
      of: file, in: revision, count: Self.laterLook, known: [], token: token)
    guard let length = SafetensorsSummary.headerLength(bytes), Int64(length) <= file.size else { return [] }
    if length > bytes.count {
      bytes = try await hub.beginning(of: file, in: revision, count: length, known: bytes, token: token)
    }
    return Array(bytes[..<length])
  }
}

/// Where a model came from, in its manifest. Source: OCI image specification, annotations.md.
enum HubAnnotation {
  static let source = "org.opencontainers.image.source"
  static let revision = "org.opencontainers.image.revision"
}
