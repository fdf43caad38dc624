// SPDX-License-Identifier: Apache-2.0

import PetrelLibrary
import PetrelOCI
import PetrelOllama
import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ModelLibrary {
  func ollamaDefaults(of model: StoredModel) async throws -> OllamaDefaults {
    var defaults = OllamaDefaults()
    let types: Set = [MediaType.ollamaSystem, MediaType.ollamaParameters, MediaType.ollamaMessages]
    for layer in try await smallLayers(of: model, types: types) { defaults.read(layer.content, ofType: layer.type) }
    return defaults
  }
}

extension StoredModel {
  /// What lists show of it: an entry for each name.
  var ollamaNames: [String] { tags.isEmpty ? ["\(id)"] : tags }

  var ollamaDetails: OllamaDetails {
    OllamaDetails(
      format: config.format, family: config.architecture ?? config.gguf?["general.architecture"],
      parameters: config.parameters, quantization: config.quantization)
  }

  /// When it was packaged: RFC 3339.
  var ollamaDate: String { Date(timeIntervalSince1970: Double(created)).formatted(.iso8601) }
}
