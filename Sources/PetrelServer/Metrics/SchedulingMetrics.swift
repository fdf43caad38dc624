// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelScheduling
import Synchronization

/// What has become of models and their engines since the daemon's start.
package final class SchedulingMetrics: Sendable {
  struct Counts: Sendable {
    var loads = Histogram(.load)
    var failedLoads = 0
    /// By reason.
    var ends: [SchedulingEvent.End: Int] = [:]
  }

  struct State: Sendable {
    var counts: [RunnerKey: Counts] = [:]
    /// What a model was called when it was first loaded. It stays the same, so that a model's numbers belong together.
    var names: [Digest: String] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  package func note(_ event: SchedulingEvent) {
    state.withLock { state in
      let key = event.key
      if state.names[key.model] == nil { state.names[key.model] = event.name }
      var counts = state.counts[key] ?? Counts()
      switch event.kind {
      case .loaded(let duration): counts.loads.observe(duration / .seconds(1))
      case .loadFailed: counts.failedLoads += 1
      case .ended(let reason): counts.ends[reason, default: 0] += 1
      }
      state.counts[key] = counts
    }
  }

  var snapshot: State { state.withLock { $0 } }
}
