// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Body of `POST /engines/_configure`. `preset` names settings for where the others say nothing. An absent setting stays as it is, `null` takes it back to its default, and so does
/// -1 for sizes and counts. Names of members are read without regard to case when the decoder lowers them.
package struct ConfigureRequest: Sendable, Equatable {
  package var model: String
  /// `completion`, `embedding`, `reranking`, `image-generation`; absent lets the daemon choose.
  package var mode: String?
  package var change: SettingsChange
  /// Runtime flags in one text, as a shell would split it. Counts only without ``SettingsChange/runtimeFlags``.
  package var rawRuntimeFlags: String?
  /// Whether to load the model afterwards.
  package var preloads: Bool

  package init(
    model: String, mode: String? = nil, change: SettingsChange = SettingsChange(), rawRuntimeFlags: String? = nil,
    preloads: Bool = true
  ) {
    self.model = model
    self.mode = mode
    self.change = change
    self.rawRuntimeFlags = rawRuntimeFlags
    self.preloads = preloads
  }
}

extension ConfigureRequest: Codable {
  private enum CodingKeys: String, CodingKey {
    case model, mode, speculative, vllm, llamacpp, parallel, priority, preload, reset, preset
    case contextSize = "context-size"
    case runtimeFlags = "runtime-flags"
    case rawRuntimeFlags = "raw-runtime-flags"
    case keepAlive = "keep_alive"
    case maximumConcurrency = "max-concurrent"
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    model = try container.decodeIfPresent(String.self, forKey: .model) ?? ""
    mode = try container.decodeIfPresent(String.self, forKey: .mode).flatMap { $0.isEmpty ? nil : $0 }
    rawRuntimeFlags = try container.decodeIfPresent(String.self, forKey: .rawRuntimeFlags)
    preloads = try container.decodeIfPresent(Bool.self, forKey: .preload) ?? true
    change = SettingsChange()
    change.resets = try container.decodeIfPresent(Bool.self, forKey: .reset) ?? false
    change.contextSize = try Self.resetting(container.change(Int.self, .contextSize))
    change.runtimeFlags = try container.change([String].self, .runtimeFlags)
    change.speculative = try container.change(ModelSettings.Speculative.self, .speculative)
    change.keepAlive = try container.change(KeepAlive.self, .keepAlive)
    change.parallel = try Self.resetting(container.change(Int.self, .parallel))
    change.maximumConcurrency = try Self.resetting(container.change(Int.self, .maximumConcurrency))
    change.priority = try container.change(ModelSettings.Priority.self, .priority)
    if try container.isNull(.vllm) {
      (change.hfOverrides, change.gpuMemoryUtilization) = (.clear, .clear)
    } else if container.contains(.vllm) {
      let vllm = try container.nestedContainer(keyedBy: ModelSettings.VLLMKeys.self, forKey: .vllm)
      change.hfOverrides = try vllm.change(JSONNode.self, .hfOverrides)
      change.gpuMemoryUtilization = try vllm.change(Double.self, .gpuMemoryUtilization)
    }
    if try container.isNull(.llamacpp) {
      (change.reasoningBudget, change.gpuLayers, change.rpc) = (.clear, .clear, .clear)
    } else if container.contains(.llamacpp) {
      let llamacpp = try container.nestedContainer(keyedBy: ModelSettings.LlamaCppKeys.self, forKey: .llamacpp)
      change.reasoningBudget = try llamacpp.change(Int.self, .reasoningBudget)
      change.gpuLayers = try Self.resetting(llamacpp.change(Int.self, .gpuLayers))
      change.rpc = try llamacpp.change([String].self, .rpc)
    }
    if let preset = try container.decodeIfPresent(SettingsPreset.self, forKey: .preset) {
      let hasFlags = rawRuntimeFlags?.isEmpty == false && change.runtimeFlags == .keep
      change = preset.filling(change)
      if hasFlags { change.runtimeFlags = .keep }
    }
  }

  private static func resetting(_ change: Change<Int>) -> Change<Int> { change == .set(-1) ? .clear : change }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encodeIfPresent(mode, forKey: .mode)
    if change.resets { try container.encode(true, forKey: .reset) }
    try container.encode(change.contextSize, .contextSize)
    try container.encode(change.runtimeFlags, .runtimeFlags)
    try container.encodeIfPresent(rawRuntimeFlags, forKey: .rawRuntimeFlags)
    try container.encode(change.speculative, .speculative)
    try container.encode(change.keepAlive, .keepAlive)
    if change.hfOverrides != .keep || change.gpuMemoryUtilization != .keep {
      var vllm = container.nestedContainer(keyedBy: ModelSettings.VLLMKeys.self, forKey: .vllm)
      try vllm.encode(change.hfOverrides, .hfOverrides)
      try vllm.encode(change.gpuMemoryUtilization, .gpuMemoryUtilization)
    }
    if change.reasoningBudget != .keep || change.gpuLayers != .keep || change.rpc != .keep {
      var llamacpp = container.nestedContainer(keyedBy: ModelSettings.LlamaCppKeys.self, forKey: .llamacpp)
      try llamacpp.encode(change.reasoningBudget, .reasoningBudget)
      try llamacpp.encode(change.gpuLayers, .gpuLayers)
      try llamacpp.encode(change.rpc, .rpc)
    }
    try container.encode(change.parallel, .parallel)
    try container.encode(change.maximumConcurrency, .maximumConcurrency)
    try container.encode(change.priority, .priority)
    if !preloads { try container.encode(false, forKey: .preload) }
  }
}

extension KeyedDecodingContainer {
  fileprivate func isNull(_ key: Key) throws -> Bool { try contains(key) && decodeNil(forKey: key) }

  fileprivate func change<Value: Decodable & Sendable & Equatable>(
    _ type: Value.Type, _ key: Key
  ) throws -> Change<Value> {
    guard contains(key) else { return .keep }
    return try decodeIfPresent(type, forKey: key).map(Change.set) ?? .clear
  }
}

extension KeyedEncodingContainer {
  fileprivate mutating func encode<Value: Encodable & Sendable & Equatable>(
    _ change: Change<Value>, _ key: Key
  ) throws {
    switch change {
    case .keep: break
    case .clear: try encodeNil(forKey: key)
    case .set(let value): try encode(value, forKey: key)
    }
  }
}
