// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelOCI
import PetrelStore

/// What a model's files say for people and programs that want to know.
package struct ModelDescription: Sendable {
  package let model: StoredModel
  /// Jinja; nil when the model has none.
  package var template: String?
  package var licenses: [String] = []
  package var hasProjector = false
  /// Metadata of the weights, as texts.
  package var metadata: [String: String] = [:]
}

extension ModelLibrary {
  /// Longer texts are left out.
  private static let largestText: Int64 = 1024 * 1024

  /// Reads what of the model's files is text.
  package func description(of text: String) async throws -> ModelDescription {
    let model = try await resolve(text)
    var description = ModelDescription(model: model)
    description.metadata = model.config.gguf ?? [:]
    // A model that no engine here can run is described all the same.
    if let bundle = try? await bundle(for: model) {
      description.hasProjector = bundle.mmprojPath != nil
      if let path = bundle.chatTemplatePath, let file = try? WeightsFile(path), file.size <= Self.largestText {
        let bytes = try? file.read(at: 0, count: Int(file.size))
        description.template = bytes.map { String(decoding: $0, as: UTF8.self) }
      }
      if let path = bundle.ggufPath, let header = try? GGUFHeader(reading: try WeightsFile(path)) {
        description.template = description.template ?? header.chatTemplate
        if description.metadata.isEmpty { description.metadata = GGUFFacts([header]).metadata }
      }
    }
    for bytes in try await smallLayers(of: model, types: [MediaType.license]) {
      description.licenses.append(String(decoding: bytes.content, as: UTF8.self))
    }
    return description
  }

  /// The contents of the model's layers of these media types that are not large, each checked against its digest.
  package func smallLayers(
    of model: StoredModel, types: Set<String>
  ) async throws -> [(type: String, content: [UInt8])] {
    try await translatingErrors {
      var layers: [(type: String, content: [UInt8])] = []
      for layer in model.manifest.layers where types.contains(layer.mediaType) && layer.size <= Self.largestText {
        layers.append((layer.mediaType, try await store.blobBytes(layer)))
      }
      return layers
    }
  }

  // MARK: Blobs

  /// Whether a blob is there.
  package func hasBlob(_ digest: Digest) async throws -> Bool {
    try await translatingErrors { try await store.blobSize(digest) != nil }
  }

  /// Takes a blob that a model is to be made of. Without a model it is removed with other leftovers, after a week.
  ///
  /// - Returns: whether it was new.
  package func receiveBlob<Body: AsyncSequence>(
    _ digest: Digest, from body: Body
  ) async throws -> Bool where Body.Element == [UInt8] {
    try await translatingArchiveErrors { try await store.receive(digest, from: body) == .written }
  }
}
