// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelLibrary
import PetrelOCI
import PetrelScheduling
import PetrelStore

extension ModelLibrary {
  /// The model that a request names, with what its engine will need when it has to be started.
  func requestedModel(_ name: String) async throws -> RequestedModel {
    let model = try await resolve(name)
    var requested = RequestedModel(id: model.id, name: name) { try await self.engineModel(model, name: name) }
    requested.hold = holdFiles(of: model.id)
    requested.explainFailure = { await self.explainLoadFailure(of: model.id, name: name) }
    return requested
  }

  private func engineModel(_ model: StoredModel, name: String) async throws -> EngineModel {
    let bundle = try await bundle(for: model)
    guard let gguf = bundle.ggufPath else {
      let format = bundle.config.format ?? "unknown"
      throw EngineError(
        .unsupportedModel, "llama.cpp serves GGUF models, and this one's format is \(format); pull a GGUF variant")
    }
    let metadata = bundle.config.gguf ?? [:]
    let architecture = bundle.config.architecture ?? metadata["general.architecture"] ?? ""
    guard metadata["general.type"] != "adapter" else {
      throw EngineError(
        .unsupportedModel,
        "\(name) is a LoRA adapter for \(architecture) models and no model of its own; ask for a model instead")
    }
    return EngineModel(
      id: model.id, name: name, gguf: gguf, projector: bundle.mmprojPath, chatTemplate: bundle.chatTemplatePath,
      contextSize: bundle.config.contextSize.map(Int.init),
      definesPooling: metadata["\(architecture).pooling_type"] != nil)
  }
}
