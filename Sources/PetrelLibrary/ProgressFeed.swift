// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import Synchronization

/// Progress of one transfer, from the tasks that do it to any number of listeners.
///
/// Only the newest state of each layer is kept, so a slow listener holds nothing up and costs no memory; it just sees
/// fewer lines. Whoever joins late gets each layer's state at once, then the rest.
final class ProgressFeed: Sendable {
  /// A layer is reported again after this much time, or so many bytes if that is more than a hundredth of it, and when it
  /// is complete.
  private static let reportInterval = Duration.milliseconds(100)
  private static let reportStep: Int64 = 1_048_576

  private struct Layer {
    var line: ProgressLine
    var reportedAt: ContinuousClock.Instant
  }

  private struct Listener {
    /// Layers that changed since the listener last looked, in the order in which they did.
    var pending: [Digest] = []
    var remarksSeen = 0
    var hasSeenEnd = false
    var wakeUp: CheckedContinuation<Void, Never>?
  }

  private struct State {
    var total: Int64 = 0
    var layers: [Digest: Layer] = [:]
    /// In the order of their first report.
    var order: [Digest] = []
    /// Lines that are about no layer; few, and all listeners get all of them.
    var remarks: [ProgressLine] = []
    var hasStarted = false
    /// The last line, and the error behind it.
    var end: (line: ProgressLine, failure: LibraryError?)?
    var listeners: [UInt64: Listener] = [:]
    var lastListener: UInt64 = 0
    var isAbandoned = false
    /// Counts what listeners may want to know.
    var news: UInt64 = 0
  }

  private let mode: ProgressLine.Mode
  private let state = Mutex(State())
  /// Called once, when the last listener has left before the end.
  private let onAbandoned: @Sendable () -> Void

  init(mode: ProgressLine.Mode, onAbandoned: @escaping @Sendable () -> Void) {
    self.mode = mode
    self.onAbandoned = onAbandoned
  }

  // MARK: The transfer's side

  /// From here on failures are told in a line and not thrown.
  ///
  /// - Parameter total: bytes of all layers together.
  func start(total: Int64) {
    tell { state in
      state.total = total
      state.hasStarted = true
      return true
    }
  }

  /// Tells something that is about no layer.
  func say(_ type: ProgressLine.Kind, _ message: String) {
    tell { state in
      state.remarks.append(ProgressLine(type: type, message: message, mode: mode))
      return true
    }
  }

  /// - Parameter current: bytes; a step back, as when a transfer starts over, is not shown.
  func report(_ layer: Descriptor, current: Int64) {
    let now = ContinuousClock.now
    tell { state in
      let isComplete = current >= layer.size
      if let known = state.layers[layer.digest] {
        let gained = current - known.line.layer.current
        let isDue =
          isComplete || gained >= max(Self.reportStep, layer.size / 100)
          || now - known.reportedAt >= Self.reportInterval
        guard gained > 0, isDue else { return false }
      } else {
        state.order.append(layer.digest)
      }
      let line = ProgressLine.transferred(
        mode: mode,
        layer: ProgressLine.Layer(
          id: layer.digest.description, size: layer.size, current: min(max(current, 0), layer.size)),
        total: state.total)
      state.layers[layer.digest] = Layer(line: line, reportedAt: now)
      for id in state.listeners.keys where state.listeners[id]?.pending.contains(layer.digest) == false {
        state.listeners[id]?.pending.append(layer.digest)
      }
      return true
    }
  }

  /// Ends the feed. The first call counts.
  func finish(_ result: Result<String, LibraryError>) {
    tell { state in
      guard state.end == nil else { return false }
      switch result {
      case .success(let message): state.end = (ProgressLine(type: .success, message: message, mode: mode), nil)
      case .failure(let error):
        state.end = (ProgressLine(type: .error, message: "Error: \(error.message)", mode: mode), error)
      }
      return true
    }
  }

  // MARK: The listeners' side

  /// A new listener, or nil when the feed has ended or all others have left.
  func subscribe() -> UInt64? {
    state.withLock { state in
      guard state.end == nil, !state.isAbandoned else { return nil }
      state.lastListener += 1
      state.listeners[state.lastListener] = Listener(pending: state.order)
      return state.lastListener
    }
  }

  func leave(_ id: UInt64) {
    let isLast = state.withLock { state in
      state.listeners[id] = nil
      guard state.listeners.isEmpty, state.end == nil, !state.isAbandoned else { return false }
      state.isAbandoned = true
      return true
    }
    if isLast { onAbandoned() }
  }

  /// Waits until the transfer has started. Throws the error of one that ended before that, or `CancellationError`.
  func waitForStart(_ id: UInt64) async throws {
    while true {
      try Task.checkCancellation()
      let (hasStarted, end, news) = state.withLock { ($0.hasStarted, $0.end, $0.news) }
      if hasStarted { return }
      if let end {
        if let failure = end.failure { throw failure }
        return
      }
      await waitForNews(id, since: news)
    }
  }

  /// The next line; nil after the last one and when the task is cancelled.
  func next(_ id: UInt64) async -> ProgressLine? {
    while !Task.isCancelled {
      let (line, isOver, news) = state.withLock { state -> (ProgressLine?, Bool, UInt64) in
        guard var listener = state.listeners[id], !listener.hasSeenEnd else { return (nil, true, state.news) }
        defer { state.listeners[id] = listener }
        if listener.remarksSeen < state.remarks.count {
          defer { listener.remarksSeen += 1 }
          return (state.remarks[listener.remarksSeen], false, state.news)
        }
        if !listener.pending.isEmpty {
          return (state.layers[listener.pending.removeFirst()]?.line, false, state.news)
        }
        listener.hasSeenEnd = state.end != nil
        return (state.end?.line, false, state.news)
      }
      if let line { return line }
      if isOver { return nil }
      await waitForNews(id, since: news)
    }
    return nil
  }

  var failure: LibraryError? { state.withLock { $0.end?.failure } }

  /// Returns when there are other news than `news`, or the task is cancelled.
  private func waitForNews(_ id: UInt64, since news: UInt64) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let mustWait = state.withLock { state in
          // Looked at under the lock, as the cancellation handler takes it too.
          guard state.listeners[id] != nil, state.news == news, !Task.isCancelled else { return false }
          state.listeners[id]?.wakeUp = continuation
          return true
        }
        if !mustWait { continuation.resume() }
      }
    } onCancel: {
      let waiting = state.withLock { state in
        defer { state.listeners[id]?.wakeUp = nil }
        return state.listeners[id]?.wakeUp
      }
      waiting?.resume()
    }
  }

  /// Wakes all listeners if `change` says that there is something to see.
  private func tell(_ change: (inout State) -> Bool) {
    let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      guard change(&state) else { return [] }
      state.news += 1
      let waiting = state.listeners.values.compactMap(\.wakeUp)
      for id in state.listeners.keys { state.listeners[id]?.wakeUp = nil }
      return waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}
