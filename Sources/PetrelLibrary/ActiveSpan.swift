// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A part of a blob that one connection is bringing: how far it is, how fast, and how to make it stop.
final class ActiveSpan: Sendable {
  private struct State {
    var received: Int64 = 0
    var movedAt: ContinuousClock.Instant
    var task: Task<Void, any Error>?
    var isCut = false
  }

  /// In bytes of the blob.
  let range: Range<Int64>
  /// Bytes of the whole blob that were there when it began.
  let receivedBefore: Int64
  /// Whether it began when two connections were thought to be enough.
  let isOfTwo: Bool
  private let startedAt: ContinuousClock.Instant
  private let state: Mutex<State>

  init(
    _ range: Range<Int64>, receivedBefore: Int64 = 0, isOfTwo: Bool = false, now: ContinuousClock.Instant = .now
  ) {
    self.range = range
    self.receivedBefore = receivedBefore
    self.isOfTwo = isOfTwo
    startedAt = now
    state = Mutex(State(movedAt: now))
  }

  var isCut: Bool { state.withLock { $0.isCut } }

  func add(_ bytes: Int, now: ContinuousClock.Instant = .now) {
    state.withLock { state in
      state.received += Int64(bytes)
      state.movedAt = now
    }
  }

  /// Runs `work` so that ``cut()`` ends it.
  func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
    // Awaited here, whatever happens.
    let task = Task(operation: work)
    let isCut = state.withLock { state in
      state.task = task
      return state.isCut
    }
    if isCut { task.cancel() }
    try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  func cut() {
    let task = state.withLock { state in
      state.isCut = true
      return state.task
    }
    task?.cancel()
  }

  /// For how long nothing has come.
  func silence(now: ContinuousClock.Instant) -> Duration { now - state.withLock { $0.movedAt } }

  var received: Int64 { state.withLock { $0.received } }

  func seconds(now: ContinuousClock.Instant) -> Double { max((now - startedAt) / .seconds(1), 0.001) }

  /// Bytes per second.
  func rate(now: ContinuousClock.Instant) -> Double { Double(received) / seconds(now: now) }

  /// Seconds until the end, if it goes on like this.
  func secondsLeft(now: ContinuousClock.Instant) -> Double {
    Double(Int64(range.count) - received) / max(rate(now: now), 0.001)
  }

  /// The span to cut when there are connections to spare: one that is silent, else one that holds up all others.
  static func slowest(_ spans: [ActiveSpan], slowAfter: Duration, now: ContinuousClock.Instant = .now) -> ActiveSpan? {
    if let silent = spans.max(by: { $0.silence(now: now) < $1.silence(now: now) }),
      silent.silence(now: now) >= slowAfter
    {
      return silent
    }
    let best = spans.map { $0.rate(now: now) }.max() ?? 0
    let last = spans.max { $0.secondsLeft(now: now) < $1.secondsLeft(now: now) }
    guard let last, last.secondsLeft(now: now) >= slowAfter / .seconds(1), last.rate(now: now) < best / 4 else {
      return nil
    }
    return last
  }
}
