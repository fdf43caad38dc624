// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The models of an Ollama store: `manifests/<host>/<path>/<tag>` and `blobs/sha256-<hex>`.
///
/// Source: Ollama, "server/internal/manifest" and docs/faq.
package struct OllamaStore: Sendable {
  package let root: FilePath

  package init(root: FilePath) { self.root = root }

  package static func isStore(_ path: FilePath) -> Bool {
    LocalFolder.isFolder(path.appending("manifests")) && LocalFolder.isFolder(path.appending("blobs"))
  }

  package func findings() -> Findings {
    var findings = Findings()
    for entry in LocalFolder.files(below: root.appending("manifests")) {
      switch read(entry) {
      case .success(let model): findings.models.append(model)
      case .failure(let reason): findings.skipped.append("\(entry.name): \(reason.text)")
      }
    }
    return findings
  }

  private struct Reason: Error {
    let text: String
  }

  private struct ManifestView: Decodable {
    struct Layer: Decodable {
      let mediaType: String
      let digest: Digest
      let size: Int64
    }
    let layers: [Layer]
  }

  private struct ParametersView: Decodable {
    let contextSize: Int64?

    enum CodingKeys: String, CodingKey { case contextSize = "num_ctx" }
  }

  private func read(_ entry: LocalFolder.Entry) -> Result<FoundModel, Reason> {
    func skip(_ text: String) -> Result<FoundModel, Reason> { .failure(Reason(text: text)) }
    guard let slash = entry.name.lastIndex(of: "/") else { return skip("its place says no name") }
    let name = "\(entry.name[..<slash]):\(entry.name[entry.name.index(after: slash)...])"
    guard let reference = try? ModelReference(parsing: name) else { return skip("its name cannot be used here") }
    guard let data = LocalFolder.content(entry.path),
      let manifest = try? JSONDecoder().decode(ManifestView.self, from: data)
    else { return skip("its manifest cannot be read") }
    func layers(_ kind: String) -> [ManifestView.Layer] {
      manifest.layers.filter { $0.mediaType.prefix { $0 != ";" } == "application/vnd.ollama.image.\(kind)" }
    }
    guard layers("adapter").isEmpty else { return skip("it is an adapter for another model") }
    let weights = layers("model")
    guard weights.count == 1 else {
      return skip(weights.isEmpty ? "it has no GGUF weights" : "its weights are in \(weights.count) parts")
    }
    var files: [FoundModel.File] = []
    var modified: Int64 = 0
    let parts =
      weights.map { ($0, MediaType.gguf, "model.gguf") }
      + layers("license").enumerated().map { ($1, MediaType.license, $0 == 0 ? "LICENSE" : "LICENSE-\($0 + 1)") }
      + layers("projector").prefix(1).map { ($0, MediaType.mmproj, "mmproj.gguf") }
    for (layer, mediaType, name) in parts {
      guard let blob = blob(layer.digest), blob.size == layer.size else {
        return skip("its file \(layer.digest.short) is missing or not whole")
      }
      if layer.size == 0 { continue }
      files.append(
        FoundModel.File(path: blob.path, mediaType: mediaType, name: name, size: blob.size, digest: layer.digest))
      if mediaType == MediaType.gguf { modified = blob.modified }
    }
    var model = FoundModel(name: reference.description, files: files, modified: modified)
    if let parameters = layers("params").first, let blob = blob(parameters.digest),
      let view = LocalFolder.content(blob.path).flatMap({ try? JSONDecoder().decode(ParametersView.self, from: $0) }),
      let size = view.contextSize, (1...Int64(Int32.max)).contains(size)
    {
      model.contextSize = size
    }
    if !layers("system").isEmpty { model.notices.append("its system prompt is not taken over") }
    return .success(model)
  }

  /// Older stores have a colon in the names of blobs.
  private func blob(_ digest: Digest) -> LocalFolder.Entry? {
    let blobs = root.appending("blobs")
    return ["sha256-", "sha256:"].lazy
      .compactMap { LocalFolder.entry(blobs.appending($0 + digest.hex), name: digest.hex) }.first
  }
}
