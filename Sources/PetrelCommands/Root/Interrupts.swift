// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Who reacts to Ctrl+C: the innermost handler, such as the one that stops an answer in a chat.
final class Interrupts: Sendable {
  private struct State {
    var handlers: [@Sendable () -> Void] = []
    var isTerminated = false
  }

  private let state = Mutex(State())

  /// Whether the program was asked to end (SIGTERM), which no inner handler can turn into less.
  var isTerminated: Bool { state.withLock(\.isTerminated) }

  /// Ctrl+C, or Docker asking its plugin to stop.
  func interrupt() {
    state.withLock(\.handlers.last)?()
  }

  func terminate() {
    let handler = state.withLock { state in
      state.isTerminated = true
      return state.handlers.first
    }
    handler?()
  }

  /// - Parameter handler: called on any thread, as often as Ctrl+C is pressed.
  func withHandler<Value>(
    _ handler: @escaping @Sendable () -> Void, _ body: () async throws -> Value
  ) async rethrows -> Value {
    state.withLock { $0.handlers.append(handler) }
    defer { state.withLock { _ = $0.handlers.popLast() } }
    return try await body()
  }
}
