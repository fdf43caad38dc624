// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import Synchronization

/// Where a request stands in line: the smaller instant goes first.
///
/// Batch work waits as if it had come later. So interactive requests pass what came shortly before them, and nothing
/// waits for ever: after ``ageing`` a batch request goes before all that come then.
package struct WaitingOrder: Sendable, Hashable {
  package static let ageing = Duration.seconds(10)

  let instant: ContinuousClock.Instant
  let isBatch: Bool

  package init(_ priority: ModelSettings.Priority, arrived: ContinuousClock.Instant = .now) {
    isBatch = priority == .batch
    instant = priority == .batch ? arrived + Self.ageing : arrived
  }

  static var now: WaitingOrder { WaitingOrder(.interactive) }
}

/// What a request waits for.
package struct QueueStanding: Sendable, Hashable {
  package enum Phase: String, Sendable {
    /// The model's load waits for memory or for a place among the engines.
    case waitingForRoom = "waiting for memory"
    case loading
    /// All places at the model's engine are taken.
    case queued
  }

  package var phase: Phase
  /// Requests that go before this one.
  package var ahead: Int
  /// Nil when nothing is known yet.
  package var estimatedWait: Duration?
}

/// Lets the one who waits see where they stand, at any time and from any thread.
package final class WaitingTicket: Sendable {
  private struct State {
    var source: (@Sendable () -> QueueStanding?)?
    var first: QueueStanding?
  }

  private let state = Mutex(State())

  package init() {}

  /// Nil while nothing keeps the request waiting.
  package var standing: QueueStanding? { state.withLock(\.source)?() }

  /// Where the request stood when it began to wait; nil when it did not have to.
  package var first: QueueStanding? { state.withLock(\.first) }

  func report(_ source: @escaping @Sendable () -> QueueStanding?) {
    let now = source()
    state.withLock { state in
      state.source = source
      state.first = state.first ?? now
    }
  }
}
