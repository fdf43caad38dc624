// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What to do with one setting.
package enum Change<Value: Sendable & Equatable>: Sendable, Equatable {
  case keep
  /// Back to the default.
  case clear
  case set(Value)

  package func applied(to old: Value?) -> Value? {
    switch self {
    case .keep: old
    case .clear: nil
    case .set(let value): value
    }
  }
}

/// Which settings of a model to change. What is left out stays as it is.
package struct SettingsChange: Sendable, Equatable {
  /// Forget everything that was set before.
  package var resets = false
  package var contextSize = Change<Int>.keep
  package var runtimeFlags = Change<[String]>.keep
  package var speculative = Change<ModelSettings.Speculative>.keep
  package var keepAlive = Change<KeepAlive>.keep
  package var hfOverrides = Change<JSONNode>.keep
  package var gpuMemoryUtilization = Change<Double>.keep
  package var reasoningBudget = Change<Int>.keep
  package var gpuLayers = Change<Int>.keep
  package var rpc = Change<[String]>.keep
  package var parallel = Change<Int>.keep
  package var maximumConcurrency = Change<Int>.keep
  package var priority = Change<ModelSettings.Priority>.keep

  package init() {}

  package func applied(to old: ModelSettings) -> ModelSettings {
    var settings = resets ? ModelSettings() : old
    settings.contextSize = contextSize.applied(to: settings.contextSize)
    settings.runtimeFlags = runtimeFlags.applied(to: settings.runtimeFlags)
    settings.speculative = speculative.applied(to: settings.speculative)
    settings.keepAlive = keepAlive.applied(to: settings.keepAlive)
    settings.hfOverrides = hfOverrides.applied(to: settings.hfOverrides)
    settings.gpuMemoryUtilization = gpuMemoryUtilization.applied(to: settings.gpuMemoryUtilization)
    settings.reasoningBudget = reasoningBudget.applied(to: settings.reasoningBudget)
    settings.gpuLayers = gpuLayers.applied(to: settings.gpuLayers)
    settings.rpc = rpc.applied(to: settings.rpc)
    settings.parallel = parallel.applied(to: settings.parallel)
    settings.maximumConcurrency = maximumConcurrency.applied(to: settings.maximumConcurrency)
    settings.priority = priority.applied(to: settings.priority)
    return settings
  }
}
