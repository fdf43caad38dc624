// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Bounds how many connections all downloads have together. Each has one for sure, in the order in which they came; more
/// only when nobody waits for the first.
final class ConnectionBudget: Sendable {
  private struct State {
    var free: Int
    var lastTicket: UInt64 = 0
    var waiting: [(ticket: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
    /// Tickets whose task was cancelled before it could wait.
    var cancelled: Set<UInt64> = []
  }

  private let state: Mutex<State>

  init(connections: Int) { state = Mutex(State(free: max(1, connections))) }

  /// Waits for a connection. Throws `CancellationError`, and then has none.
  func take() async throws {
    let ticket = state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let outcome = state.withLock { state -> Result<Void, any Error>? in
          if state.cancelled.remove(ticket) != nil { return .failure(CancellationError()) }
          if state.free > 0, state.waiting.isEmpty {
            state.free -= 1
            return .success(())
          }
          state.waiting.append((ticket, continuation))
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
        guard let place = state.waiting.firstIndex(where: { $0.ticket == ticket }) else {
          state.cancelled.insert(ticket)
          return nil
        }
        return state.waiting.remove(at: place).continuation
      }
      waiter?.resume(throwing: CancellationError())
    }
    // A cancellation that came after the connection left its mark behind.
    _ = state.withLock { $0.cancelled.remove(ticket) }
  }

  /// Takes one more connection, if there is one to spare.
  func takeAnother() -> Bool {
    state.withLock { state in
      guard state.free > 0, state.waiting.isEmpty else { return false }
      state.free -= 1
      return true
    }
  }

  func giveBack(_ count: Int = 1) {
    for _ in 0..<count {
      let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
        if state.waiting.isEmpty {
          state.free += 1
          return nil
        }
        return state.waiting.removeFirst().continuation
      }
      next?.resume()
    }
  }
}
