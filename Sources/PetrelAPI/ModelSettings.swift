// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What a user has set for a model in one mode. An absent member leaves the choice to what the model was packaged with,
/// then to the engine. The form on the wire, and on the disk, is that of `Config` in `GET /engines/_configure`.
package struct ModelSettings: Sendable, Equatable {
  package struct Speculative: Codable, Sendable, Hashable {
    /// A reference to a local model.
    package var draftModel: String?
    /// Tokens drafted at a time.
    package var tokenCount: Int?
    /// From 0 to 1.
    package var minimumAcceptanceRate: Double?

    package init(draftModel: String? = nil, tokenCount: Int? = nil, minimumAcceptanceRate: Double? = nil) {
      self.draftModel = draftModel
      self.tokenCount = tokenCount
      self.minimumAcceptanceRate = minimumAcceptanceRate
    }

    enum CodingKeys: String, CodingKey {
      case draftModel = "draft_model"
      case tokenCount = "num_tokens"
      case minimumAcceptanceRate = "min_acceptance_rate"
    }
  }

  /// Who goes first when requests wait for the same model.
  package enum Priority: String, Codable, Sendable, Hashable, CaseIterable {
    case interactive, batch
  }

  /// Tokens.
  package var contextSize: Int?
  /// The engine's own flags, one flag or value an element.
  package var runtimeFlags: [String]?
  package var speculative: Speculative?
  package var keepAlive: KeepAlive?
  /// An object that vLLM merges into the model's configuration.
  package var hfOverrides: JSONNode?
  /// From 0 to 1; vLLM only.
  package var gpuMemoryUtilization: Double?
  /// Tokens a model may think for: -1 without limit, 0 none; llama.cpp only.
  package var reasoningBudget: Int?
  /// Layers to keep on the GPU; llama.cpp only.
  package var gpuLayers: Int?
  /// `HOST:PORT` of workers on other machines that share the model's layers; llama.cpp only.
  package var rpc: [String]?
  /// Requests that the engine works on at the same time.
  package var parallel: Int?
  /// Requests that the engine is given at the same time, where it could take more.
  package var maximumConcurrency: Int?
  package var priority: Priority?

  package init() {}

  package var isEmpty: Bool { self == ModelSettings() }

  /// These settings, and where they say nothing, those of `other`.
  package func filled(from other: ModelSettings) -> ModelSettings {
    var result = self
    result.contextSize = contextSize ?? other.contextSize
    result.runtimeFlags = runtimeFlags ?? other.runtimeFlags
    result.speculative = speculative ?? other.speculative
    result.keepAlive = keepAlive ?? other.keepAlive
    result.hfOverrides = hfOverrides ?? other.hfOverrides
    result.gpuMemoryUtilization = gpuMemoryUtilization ?? other.gpuMemoryUtilization
    result.reasoningBudget = reasoningBudget ?? other.reasoningBudget
    result.gpuLayers = gpuLayers ?? other.gpuLayers
    result.rpc = rpc ?? other.rpc
    result.parallel = parallel ?? other.parallel
    result.maximumConcurrency = maximumConcurrency ?? other.maximumConcurrency
    result.priority = priority ?? other.priority
    return result
  }

  /// What an engine process is started with: a change of anything else needs no other process.
  package var launch: ModelSettings {
    var result = self
    result.keepAlive = nil
    result.maximumConcurrency = nil
    result.priority = nil
    return result
  }
}

extension ModelSettings: Codable {
  enum CodingKeys: String, CodingKey {
    case contextSize = "context-size"
    case runtimeFlags = "runtime-flags"
    case speculative
    case keepAlive = "keep_alive"
    case vllm, llamacpp, parallel, priority
    case maximumConcurrency = "max-concurrent"
  }

  enum VLLMKeys: String, CodingKey {
    case hfOverrides = "hf-overrides"
    case gpuMemoryUtilization = "gpu-memory-utilization"
  }

  enum LlamaCppKeys: String, CodingKey {
    case reasoningBudget = "reasoning-budget"
    case gpuLayers = "gpu-layers"
    case rpc
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    contextSize = try container.decodeIfPresent(Int.self, forKey: .contextSize)
    runtimeFlags = try container.decodeIfPresent([String].self, forKey: .runtimeFlags)
    speculative = try container.decodeIfPresent(Speculative.self, forKey: .speculative)
    keepAlive = try container.decodeIfPresent(KeepAlive.self, forKey: .keepAlive)
    parallel = try container.decodeIfPresent(Int.self, forKey: .parallel)
    maximumConcurrency = try container.decodeIfPresent(Int.self, forKey: .maximumConcurrency)
    priority = try container.decodeIfPresent(Priority.self, forKey: .priority)
    if container.contains(.vllm) {
      let vllm = try container.nestedContainer(keyedBy: VLLMKeys.self, forKey: .vllm)
      hfOverrides = try vllm.decodeIfPresent(JSONNode.self, forKey: .hfOverrides)
      gpuMemoryUtilization = try vllm.decodeIfPresent(Double.self, forKey: .gpuMemoryUtilization)
    }
    if container.contains(.llamacpp) {
      let llamacpp = try container.nestedContainer(keyedBy: LlamaCppKeys.self, forKey: .llamacpp)
      reasoningBudget = try llamacpp.decodeIfPresent(Int.self, forKey: .reasoningBudget)
      gpuLayers = try llamacpp.decodeIfPresent(Int.self, forKey: .gpuLayers)
      rpc = try llamacpp.decodeIfPresent([String].self, forKey: .rpc)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(contextSize, forKey: .contextSize)
    try container.encodeIfPresent(runtimeFlags, forKey: .runtimeFlags)
    try container.encodeIfPresent(speculative, forKey: .speculative)
    try container.encodeIfPresent(keepAlive, forKey: .keepAlive)
    if hfOverrides != nil || gpuMemoryUtilization != nil {
      var vllm = container.nestedContainer(keyedBy: VLLMKeys.self, forKey: .vllm)
      try vllm.encodeIfPresent(hfOverrides, forKey: .hfOverrides)
      try vllm.encodeIfPresent(gpuMemoryUtilization, forKey: .gpuMemoryUtilization)
    }
    if reasoningBudget != nil || gpuLayers != nil || rpc != nil {
      var llamacpp = container.nestedContainer(keyedBy: LlamaCppKeys.self, forKey: .llamacpp)
      try llamacpp.encodeIfPresent(reasoningBudget, forKey: .reasoningBudget)
      try llamacpp.encodeIfPresent(gpuLayers, forKey: .gpuLayers)
      try llamacpp.encodeIfPresent(rpc, forKey: .rpc)
    }
    try container.encodeIfPresent(parallel, forKey: .parallel)
    try container.encodeIfPresent(maximumConcurrency, forKey: .maximumConcurrency)
    try container.encodeIfPresent(priority, forKey: .priority)
  }
}
