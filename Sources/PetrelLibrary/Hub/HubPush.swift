// SPDX-License-Identifier: Apache-2.0

import PetrelHub
import PetrelOCI
import PetrelRegistry
import PetrelStore

/// One push to Hugging Face: the model's files under the names they had when it was packaged.
struct HubPush: Sendable {
  let hub: HubClient
  let store: ModelStore
  let name: HubName
  let token: String
  let model: StoredModel
  /// By their paths in the repository.
  private let layers: [String: Descriptor]

  /// Throws ``LibraryError`` for a model that has no place for each of its files.
  init(hub: HubClient, store: ModelStore, name: HubName, token: String, model: StoredModel) throws {
    var layers: [String: Descriptor] = [:]
    for layer in model.manifest.layers {
      let path = try Self.path(of: layer)
      guard layers.updateValue(layer, forKey: path) == nil else {
        throw LibraryError(
          .conflict, "two files of the model are called \(quoted(path)): package them under other names")
      }
    }
    self.hub = hub
    self.store = store
    self.name = name
    self.token = token
    self.model = model
    self.layers = layers
  }

  /// Returns the text of the success line.
  func run(_ feed: ProgressFeed) async throws -> String {
    let hold = try await store.hold(model.manifest.blobs.map(\.digest))
    defer { withExtendedLifetime(hold) {} }
    feed.start(total: model.layerSize)
    var files: [HubUploadFile] = []
    for (path, layer) in layers.sorted(by: { $0.key < $1.key }) {
      files.append(
        HubUploadFile(
          path: path, size: layer.size, digest: layer.digest, content: try FileContent(try await store.blobPath(layer)))
      )
    }
    do {
      try await hub.push(files, to: name, summary: "Upload model with petrel", token: token) { [layers] file, sent in
        if let layer = layers[file.path] { feed.report(layer, current: sent) }
      }
    } catch let error as RegistryError {
      throw LibraryError(hub: error)
    }
    return "Model pushed successfully"
  }

  private static func path(of layer: Descriptor) throws -> String {
    let isArchive = [MediaType.directoryTar, MediaType.vllmConfigTar].contains(layer.mediaType)
    if !isArchive, let annotated = layer.annotatedPath, let parts = try? ModelPath.components(of: annotated) {
      return parts.joined(separator: "/")
    }
    switch layer.mediaType {
    case MediaType.gguf: return "model.gguf"
    case MediaType.safetensors: return "model.safetensors"
    case MediaType.dduf: return "model.dduf"
    case MediaType.mmproj: return "mmproj.gguf"
    case MediaType.chatTemplate: return "chat_template.jinja"
    case MediaType.license: return "LICENSE"
    default:
      throw LibraryError(
        .unsupportedSource,
        "a file of the model has no name, or is an archive of files; package the model's folder with --safetensors-dir, "
          + "and push that")
    }
  }
}

extension ModelLibrary {
  func hubPush(_ text: String, _ model: StoredModel, bearerToken: String?) throws -> HubPush {
    guard let hub else {
      throw LibraryError(.unsupportedSource, "this daemon has no connection to Hugging Face")
    }
    guard let token = bearerToken ?? hub.settings.token else {
      throw LibraryError(
        .tokenRequired,
        "pushing to Hugging Face needs a token: set HF_TOKEN to one that may write (see "
          + "\(HubSettings.publicEndpoint)/settings/tokens)")
    }
    return try HubPush(hub: hub, store: store, name: try HubName(parsing: text), token: token, model: model)
  }
}
