// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelWire

/// What settings must be like before any engine is started with them.
package enum SettingsValidation {
  package static let contextSizes = 1...16_777_216

  /// - Parameter table: the flags of the engine that will get the settings.
  /// - Throws: ``EngineError`` with code `invalidSettings`.
  package static func check(
    _ settings: ModelSettings, mode: EngineMode, for table: FlagTable
  ) throws(EngineError) {
    try check(settings.contextSize, "context-size", in: contextSizes)
    try check(settings.parallel, "parallel", in: 1...256)
    try check(settings.maximumConcurrency, "max-concurrent", in: 1...256)
    try check(settings.gpuLayers, "gpu-layers", in: 0...100_000)
    try check(settings.reasoningBudget, "reasoning-budget", in: -1...16_777_216)
    try check(settings.speculative?.tokenCount, "num_tokens", in: 0...65_536)
    if let rate = settings.speculative?.minimumAcceptanceRate, !(0...1).contains(rate) {
      throw EngineError(.invalidSettings, "min_acceptance_rate must be between 0.0 and 1.0, got \(rate)")
    }
    if let share = settings.gpuMemoryUtilization, !(0...1).contains(share) {
      throw EngineError(.invalidSettings, "gpu-memory-utilization must be between 0.0 and 1.0, got \(share)")
    }
    if let workers = settings.rpc { try RPCAddress.check(workers) }
    if let overrides = settings.hfOverrides { try checkOverrides(overrides) }
    let flags = try RuntimeFlags(parsing: settings.runtimeFlags ?? [], for: table)
    try checkMode(flags, mode)
  }

  private static func check(_ value: Int?, _ name: String, in range: ClosedRange<Int>) throws(EngineError) {
    guard let value, !range.contains(value) else { return }
    throw EngineError(
      .invalidSettings, "\(name) is \(value), but it must be from \(range.lowerBound) to \(range.upperBound)")
  }

  /// Flags that make an engine serve another mode than it was started for are good for nothing but confusion.
  private static func checkMode(_ flags: RuntimeFlags, _ mode: EngineMode) throws(EngineError) {
    if flags.contains("--embeddings"), mode == .completion {
      throw EngineError(.invalidSettings, "--embeddings belongs to the mode embedding; set \"mode\": \"embedding\"")
    }
    if flags.contains("--reranking"), mode != .reranking {
      throw EngineError(.invalidSettings, "--reranking belongs to the mode reranking; set \"mode\": \"reranking\"")
    }
  }

  // MARK: Overrides

  private static let rule =
    "must contain only alphanumeric characters and underscores, and start with a letter or underscore"

  private static func checkOverrides(_ overrides: JSONNode) throws(EngineError) {
    guard case .object(let members) = overrides else {
      throw EngineError(.invalidSettings, "hf-overrides must be a JSON object")
    }
    for member in members {
      guard isKey(member.name) else {
        throw EngineError(.invalidSettings, "invalid hf_overrides key \"\(member.name)\": \(rule)")
      }
      try checkNested(member.value, path: member.name)
    }
  }

  private static func checkNested(_ value: JSONNode, path: String) throws(EngineError) {
    switch value {
    case .object(let members):
      for member in members {
        guard isKey(member.name) else {
          throw EngineError(
            .invalidSettings, "invalid hf_overrides nested key \"\(member.name)\" in \"\(path)\": \(rule)")
        }
        try checkNested(member.value, path: "\(path).\(member.name)")
      }
    case .array(let elements):
      for (index, element) in elements.enumerated() { try checkNested(element, path: "\(path)[\(index)]") }
    case .null, .bool, .number, .text: break
    }
  }

  private static func isKey(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
      byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
        || (0x61...0x7A).contains(byte)
    }
  }
}
