// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The settings of a model that can be given as flags.
struct ModelOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "The context size in tokens; -1 for the default.")
  var contextSize: Int32?

  @Option(help: "A model that drafts for this one (speculative decoding).")
  var speculativeDraftModel: String?

  @Option(help: "Tokens to draft at a time.")
  var speculativeNumTokens: Int?

  @Option(help: "How likely a drafted token must be, from 0 to 1.")
  var speculativeMinAcceptanceRate: Double?

  @Option(name: [.customLong("hf_overrides"), .customLong("hf-overrides")], help: "A JSON object for vLLM.")
  var hfOverrides: String?

  @Option(parsing: .unconditional, help: "The share of the GPU's memory for vLLM, from 0 to 1.")
  var gpuMemoryUtilization: Double?

  @Flag(inversion: .prefixedNo, exclusivity: .exclusive, help: "Whether the model thinks before it answers.")
  var think: Bool?

  @Option(parsing: .unconditional, help: "Layers to keep on the GPU; -1 lets the engine decide.")
  var gpuLayers: Int?

  @Option(help: "Workers that share the model's layers: HOST:PORT,… (see rpc-worker); empty for none.")
  var rpc: String?

  @Option(parsing: .unconditional, help: "Requests to work on at the same time; -1 lets the engine decide.")
  var parallel: Int?

  @Option(
    parsing: .unconditional, help: "Requests to give the engine at the same time, the others wait; -1 for no limit.")
  var maxConcurrent: Int?

  @Option(
    help: "Settings for a purpose: code, chat, creative, long-documents or low-memory. Other options are stronger.")
  var preset: String?

  @Option(help: "interactive or batch: who goes first when requests wait.")
  var priority: String?

  @Option(help: "completion, embedding or reranking. (default: completion)")
  var mode: String?

  @Option(
    parsing: .unconditional,
    help: "How long the model stays in memory after a request: 30s, 5m, seconds, 0, or -1 for ever.")
  var keepAlive: String?

  @Option(
    parsing: .unconditionalSingleValue, help: "A runtime flag of the engine, or its value; may be given again.")
  var runtimeFlag: [String] = []

  /// - Throws: ``CommandError`` for what can be told without the daemon.
  func change() throws -> SettingsChange {
    var change = SettingsChange()
    if let contextSize, contextSize < 1, contextSize != -1 {
      throw CommandError(
        .usage, "--context-size is \(contextSize), but it must be above 0, or -1 to take it back to its default")
    }
    change.contextSize = Self.resetting(contextSize.map(Int.init))
    change.parallel = Self.resetting(parallel)
    change.maximumConcurrency = Self.resetting(maxConcurrent)
    change.gpuLayers = Self.resetting(gpuLayers)
    if let rpc { change.rpc = rpc.isEmpty ? .clear : .set(rpc.split(separator: ",").map(String.init)) }
    if let think { change.reasoningBudget = .set(think ? -1 : 0) }
    if let keepAlive { change.keepAlive = .set(try Self.keepAlive(keepAlive)) }
    if let priority {
      guard let value = ModelSettings.Priority(rawValue: priority.lowercased()) else {
        throw CommandError(.usage, "invalid priority \"\(priority)\": must be one of interactive, batch")
      }
      change.priority = .set(value)
    }
    if let gpuMemoryUtilization {
      guard (0...1).contains(gpuMemoryUtilization) else {
        throw CommandError(.usage, "--gpu-memory-utilization must be between 0.0 and 1.0, got \(gpuMemoryUtilization)")
      }
      change.gpuMemoryUtilization = .set(gpuMemoryUtilization)
    }
    if let hfOverrides {
      do {
        change.hfOverrides = .set(try JSONDecoder().decode(JSONNode.self, from: Data(hfOverrides.utf8)))
      } catch {
        throw CommandError(.usage, "invalid --hf_overrides JSON: \(hfOverrides)")
      }
    }
    let isSpeculative =
      speculativeDraftModel?.isEmpty == false || (speculativeNumTokens ?? 0) > 0
      || (speculativeMinAcceptanceRate ?? 0) > 0
    if isSpeculative {
      change.speculative = .set(
        ModelSettings.Speculative(
          draftModel: speculativeDraftModel, tokenCount: speculativeNumTokens,
          minimumAcceptanceRate: speculativeMinAcceptanceRate))
    } else if speculativeDraftModel == "" {
      change.speculative = .clear
    }
    return change
  }

  func presetValue() throws -> SettingsPreset? {
    guard let preset else { return nil }
    guard let value = SettingsPreset(rawValue: preset.lowercased()) else {
      let known = SettingsPreset.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandError(.usage, "invalid preset \"\(preset)\": must be one of \(known)")
    }
    return value
  }

  func modeName() throws -> String? {
    guard let mode, !mode.isEmpty else { return nil }
    let known = ["completion", "embedding", "reranking", "image-generation"]
    guard known.contains(mode.lowercased()) else {
      throw CommandError(.usage, "invalid mode \"\(mode)\": must be one of \(known.joined(separator: ", "))")
    }
    return mode.lowercased()
  }

  private static func resetting(_ value: Int?) -> Change<Int> {
    value.map { $0 == -1 ? .clear : .set($0) } ?? .keep
  }

  /// Like the daemon's texts, and plain numbers as seconds.
  private static func keepAlive(_ text: String) throws -> KeepAlive {
    if let seconds = UInt32(text) { return KeepAlive(seconds: Double(seconds)) }
    do {
      return try KeepAlive(parsing: text)
    } catch {
      throw CommandError(.usage, "\(error)")
    }
  }
}
