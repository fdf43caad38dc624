// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization

/// One download and those who wait for it. When the last of them leaves, it is cancelled.
final class SharedDownload: Sendable {
  private struct Waiter {
    let progress: SharedDownloads.Progress
    var continuation: CheckedContinuation<Void, any Error>?
  }

  private struct State {
    var waiters: [UInt64: Waiter] = [:]
    var lastWaiter: UInt64 = 0
    var current: Int64 = 0
    var result: Result<Void, any Error>?
    var isAbandoned = false
    var task: Task<Void, Never>?
  }

  /// For which model it was begun.
  let reference: ModelReference
  private let state = Mutex(State())

  init(_ reference: ModelReference) { self.reference = reference }

  /// To be called once.
  func begin(
    _ operation: @escaping @Sendable (_ progress: @escaping SharedDownloads.Progress) async throws -> Void,
    onEnd: @escaping @Sendable () async -> Void
  ) {
    // Cancelled when the last waiter leaves, who then awaits it.
    let task = Task { [self] in
      let result: Result<Void, any Error>
      do {
        try await operation { [self] in report($0) }
        result = .success(())
      } catch {
        result = .failure(error)
      }
      await onEnd()
      end(result)
    }
    state.withLock { $0.task = task }
  }

  /// Waits for the end. Returns false when the download takes nobody in any more.
  func wait(_ progress: @escaping SharedDownloads.Progress) async throws -> Bool {
    let entered = state.withLock { state -> (id: UInt64, current: Int64)? in
      guard !state.isAbandoned else { return nil }
      state.lastWaiter += 1
      state.waiters[state.lastWaiter] = Waiter(progress: progress)
      return (state.lastWaiter, state.current)
    }
    guard let entered else { return false }
    if entered.current > 0 { progress(entered.current) }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let result = state.withLock { state -> Result<Void, any Error>? in
          // Gone already: cancelled.
          guard state.waiters[entered.id] != nil else { return .failure(CancellationError()) }
          if state.result == nil { state.waiters[entered.id]?.continuation = continuation }
          return state.result
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      leave(entered.id)
    }
    return true
  }

  /// Waits until it has let everything go.
  func ended() async { await state.withLock { $0.task }?.value }

  func endedIfAbandoned() async {
    if state.withLock({ $0.isAbandoned }) { await ended() }
  }

  private func leave(_ id: UInt64) {
    let (waiter, abandoned) = state.withLock { state -> (Waiter?, Task<Void, Never>?) in
      let waiter = state.waiters.removeValue(forKey: id)
      guard state.waiters.isEmpty, state.result == nil else { return (waiter, nil) }
      state.isAbandoned = true
      return (waiter, state.task)
    }
    abandoned?.cancel()
    waiter?.continuation?.resume(throwing: CancellationError())
  }

  private func report(_ current: Int64) {
    let waiters = state.withLock { state in
      state.current = max(state.current, current)
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.progress(current) }
  }

  private func end(_ result: Result<Void, any Error>) {
    let waiters = state.withLock { state in
      state.result = result
      let continuations = state.waiters.values.compactMap(\.continuation)
      // One who is cancelled from now on must not be resumed once more.
      for id in state.waiters.keys { state.waiters[id]?.continuation = nil }
      return continuations
    }
    for waiter in waiters { waiter.resume(with: result) }
  }
}
