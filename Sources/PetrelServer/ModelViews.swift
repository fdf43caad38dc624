// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelLibrary
import PetrelMemory
import PetrelOCI
import PetrelScheduling
import PetrelStore
import SystemPackage

extension ModelLibrary {
  /// The model that a request names, with what its engine will need when it has to be started.
  package func requestedModel(_ name: String) async throws -> RequestedModel {
    requested(try await resolve(name), name: name)
  }

  func requested(_ model: StoredModel, name: String) -> RequestedModel {
    var requested = RequestedModel(id: model.id, name: name) {
      try await self.engineModel(model, name: name)
    } prepareDraft: { draft in
      let model = try await self.resolve(draft)
      let hold = self.holdFiles(of: model.id)
      let engineModel = try await self.engineModel(model, name: draft)
      return DraftModel(gguf: engineModel.gguf, shape: engineModel.shape, hold: hold)
    }
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
    var engineModel = EngineModel(
      id: model.id, name: name, gguf: gguf, projector: bundle.mmprojPath, chatTemplate: bundle.chatTemplatePath,
      contextSize: bundle.config.contextSize.map(Int.init), trainedContextSize: bundle.config.trainedContextSize,
      definesPooling: metadata["\(architecture).pooling_type"] != nil)
    engineModel.shape = shape(ofWeights: gguf)
    engineModel.projectorSize = bundle.mmprojPath.flatMap(Self.size(of:))
    return engineModel
  }

  private static func size(of path: FilePath) -> ByteCount? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
    return try? file.closeAfter { ByteCount(try file.seek(offset: 0, from: .end)) }
  }

  /// A request to change settings, found to be about a model and an engine that are here.
  struct Configurable: Sendable {
    let model: RequestedModel
    let key: RunnerKey
    let change: SettingsChange
  }

  /// - Throws: ``LibraryError`` when there is no such model, ``EngineError`` for what no engine can do.
  func configurable(_ request: ConfigureRequest) async throws -> Configurable {
    guard !request.model.isEmpty else { throw EngineError(.invalidSettings, "invalid request: model is required") }
    var change = request.change
    if let raw = request.rawRuntimeFlags, !raw.isEmpty {
      switch change.runtimeFlags {
      case .keep, .clear, .set([]): change.runtimeFlags = .set(try ShellWords.split(raw))
      case .set: break
      }
    }
    // The reference ignores sizes below 1; -1 has become `clear` already.
    if case .set(let size) = change.contextSize, size <= 0 { change.contextSize = .keep }
    if change.runtimeFlags == .set([]) { change.runtimeFlags = .clear }
    if case .set(let speculative) = change.speculative, speculative == ModelSettings.Speculative() {
      change.speculative = .clear
    }
    let model = try await resolve(request.model)
    if let format = model.config.format, format != "gguf" {
      throw EngineError(
        .invalidSettings,
        "\(request.model) is a \(format) model, and no engine here runs those; llama.cpp runs GGUF models")
    }
    if case .set(let speculative) = change.speculative, let draft = speculative.draftModel, !draft.isEmpty {
      _ = try await resolve(draft)
    }
    return Configurable(
      model: requested(model, name: request.model),
      key: RunnerKey(model: model.id, mode: try Self.mode(of: request, change)), change: change)
  }

  private static func mode(of request: ConfigureRequest, _ change: SettingsChange) throws -> EngineMode {
    guard let name = request.mode else {
      if case .set(let flags) = change.runtimeFlags, flags.contains("--embeddings") { return .embedding }
      return .completion
    }
    if let mode = EngineMode(rawValue: name) { return mode }
    throw EngineError(
      .invalidSettings,
      name == "image-generation"
        ? "unsupported backend mode \"image-generation\": llama.cpp makes no images"
        : "unknown backend mode: \(quoted(name))")
  }
}

extension ModelConfig {
  /// The context that the weights were trained with, tokens.
  var trainedContextSize: Int? {
    guard let gguf, let architecture = gguf["general.architecture"] ?? architecture else { return nil }
    return gguf["\(architecture).context_length"].flatMap(Int.init)
  }
}
