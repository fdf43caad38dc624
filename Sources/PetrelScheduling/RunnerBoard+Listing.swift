// SPDX-License-Identifier: Apache-2.0

import PetrelAPI

extension RunnerBoard {
  /// Runners that are idle and that nobody asked to stay, the one that has been idle for longest first.
  func idleRunners() -> [(id: RunnerID, since: ContinuousClock.Instant)] {
    read { state in
      state.entries.filter { $0.value.taken == 0 && !$0.value.isPinned }.map { ($0.key, $0.value.idleSince) }.sorted {
        ($0.1, $0.0) < ($1.1, $1.0)
      }
    }
  }

  /// Whether any of its places is taken.
  func isInUse(_ runner: RunnerID) -> Bool { read { ($0.entries[runner]?.taken ?? 0) > 0 } }

  func facts(of runner: RunnerID) -> RunnerFacts? { read { $0.entries[runner]?.facts } }

  /// What `ps` shows of a ready runner.
  package struct Row: Sendable {
    package let id: RunnerID
    package let name: String
    package let key: RunnerKey
    package let facts: RunnerFacts
    package let keepAlive: KeepAlive
    /// Somebody asked for it to stay for ever.
    package let isPinned: Bool
    /// It finishes what it has and takes nothing new: other settings hold, or the model has been removed.
    package let isDraining: Bool
    package let isInUse: Bool
    /// Requests that it works on.
    package let taken: Int
    /// Requests that wait for a place.
    package let waiting: Int
    package let idleSince: ContinuousClock.Instant
    package let idleFor: Duration
  }

  package func rows() -> [Row] {
    read { state in
      state.entries.sorted { $0.key < $1.key }.map { id, entry in
        Row(
          id: id, name: entry.displayName, key: entry.key, facts: entry.facts, keepAlive: entry.keepAlive,
          isPinned: entry.isPinned, isDraining: entry.isDraining, isInUse: entry.taken > 0, taken: entry.taken,
          waiting: entry.waiters.count, idleSince: entry.idleSince,
          idleFor: entry.taken > 0 ? .zero : entry.idleSince.duration(to: .now))
      }
    }
  }
}
