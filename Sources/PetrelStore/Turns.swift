// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization

/// One task at a time works on what a digest names; the others wait in line.
final class Turns: Sendable {
  private struct Waiter {
    let ticket: UInt64
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var lastTicket: UInt64 = 0
    /// A digest is a key while somebody works on it.
    var lines: [Digest: [Waiter]] = [:]
    /// Tickets whose task was cancelled before it could stand in line.
    var cancelled: Set<UInt64> = []
  }

  private let state = Mutex(State())

  /// Waits for the turn. Throws `CancellationError`, and then has no turn.
  func take(_ digest: Digest) async throws {
    let ticket = state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.remove(ticket) != nil { return .failure(CancellationError()) }
          if state.lines[digest] == nil {
            state.lines[digest] = []
            return .success(())
          }
          state.lines[digest]?.append(Waiter(ticket: ticket, continuation: continuation))
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiter = state.withLock { state -> Waiter? in
        guard let place = state.lines[digest]?.firstIndex(where: { $0.ticket == ticket }) else {
          state.cancelled.insert(ticket)
          return nil
        }
        return state.lines[digest]?.remove(at: place)
      }
      waiter?.continuation.resume(throwing: CancellationError())
    }
    // A cancellation that came after the turn left its mark behind.
    _ = state.withLock { $0.cancelled.remove(ticket) }
  }

  /// Hands the turn to the next in line.
  func yield(_ digest: Digest) {
    let next = state.withLock { state -> Waiter? in
      guard var line = state.lines[digest], !line.isEmpty else {
        state.lines[digest] = nil
        return nil
      }
      let next = line.removeFirst()
      state.lines[digest] = line
      return next
    }
    next?.continuation.resume()
  }
}
