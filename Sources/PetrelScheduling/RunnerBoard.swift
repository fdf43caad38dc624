// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelOCI
import Synchronization
import SystemPackage

/// The table of ready runners that every lane can read: who serves which name, and how many places are taken.
///
/// The scheduler puts runners up and takes them down; requests take and give back places, synchronously and from any
/// thread. A runner is taken down only while none of its places is taken, which is decided here, under the lock. The
/// rules are those of ``BoardState``.
package final class RunnerBoard: Sendable {
  /// How many requests an engine works on at a time when it does not say how many it can.
  package static let placesPerRunner = 64
  /// How many more wait for a place.
  package static let waitersPerRunner = 512

  typealias Place = CheckedContinuation<RunnerLease?, any Error>

  private struct Guarded {
    var state = BoardState()
    var places: [BoardState.WaiterID: Place] = [:]
    var retirements: [BoardState.WaiterID: CheckedContinuation<Void, Never>] = [:]
  }

  private let guarded = Mutex(Guarded())
  private let defaultKeepAlive: KeepAlive
  private let maximumWaiters: Int
  private let onLook: @Sendable () -> Void

  /// - Parameters:
  ///   - defaultKeepAlive: for runners for which nobody has said anything else.
  ///   - maximumWaiters: requests that wait for a place at a runner.
  ///   - onLook: called when a runner will have been idle for long enough before the next sweep, and when one becomes
  ///     idle that the scheduler wants to know of.
  package init(
    defaultKeepAlive: KeepAlive = .forever, maximumWaiters: Int = waitersPerRunner,
    onLook: @escaping @Sendable () -> Void = {}
  ) {
    self.defaultKeepAlive = defaultKeepAlive
    self.maximumWaiters = maximumWaiters
    self.onLook = onLook
  }

  // MARK: For requests

  /// A place at the runner that serves `name`, if it is known, ready and has one free. Never waits.
  package func take(name: String, mode: EngineMode, keepAlive: KeepAlive? = nil) -> RunnerLease? {
    guarded.withLock { guarded in
      guard let runner = guarded.state.runner(named: name, mode: mode) else { return nil }
      let lease = take(runner, &guarded.state)
      if let keepAlive, lease != nil { _ = set(keepAlive, of: runner, &guarded.state) }
      return lease
    }
  }

  /// A place at the runner for `key`. `name` is remembered as a name for it, unless the request is a special case.
  ///
  /// - Parameter isAccepted: it has waited for the engine to be loaded, and is not turned away any more.
  /// - Returns: nil when there is no such runner. Waits while all its places are taken.
  /// - Throws: ``SchedulingError`` when too many wait or the runner ends; `CancellationError`.
  func place(
    for key: RunnerKey, name: String, namesGeneration: UInt64? = nil, learnsName: Bool = true,
    order: WaitingOrder = .now, isAccepted: Bool = false, ticket: WaitingTicket? = nil
  ) async throws -> RunnerLease? {
    let waiter = guarded.withLock { $0.state.newWaiter() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        // One look decides: between two, the runner could be hidden or become free.
        let result = guarded.withLock { guarded -> Result<RunnerLease?, any Error>? in
          // Asked under the lock: a cancellation after this finds the waiter in its place.
          if Task.isCancelled { return .failure(CancellationError()) }
          guard let runner = guarded.state.runner(for: key) else { return .success(nil) }
          if learnsName { guarded.state.learn(name, for: runner, mode: key.mode, generation: namesGeneration) }
          if let lease = take(runner, &guarded.state) { return .success(lease) }
          let count = guarded.state.entries[runner]?.waiters.count ?? 0
          guard isAccepted || count < maximumWaiters else {
            return .failure(
              SchedulingError(.overloaded, "\(count) requests wait for \(name) already; try again later"))
          }
          guarded.state.enqueue(.init(id: waiter, order: order.instant), at: runner)
          guarded.places[waiter] = continuation
          return nil
        }
        if let result { return continuation.resume(with: result) }
        ticket?.report { [self] in
          let standing = guarded.withLock { $0.state.standing(of: waiter, now: .now) }
          return standing.map { QueueStanding(phase: .queued, ahead: $0.ahead, estimatedWait: $0.wait) }
        }
      }
    } onCancel: {
      cancel(waiter)
    }
  }

  private func cancel(_ waiter: BoardState.WaiterID) {
    let place = guarded.withLock { guarded in
      guarded.state.cancel(waiter) ? guarded.places.removeValue(forKey: waiter) : nil
    }
    place?.resume(throwing: CancellationError())
  }

  private func take(_ runner: RunnerID, _ state: inout BoardState) -> RunnerLease? {
    state.take(runner, now: .now) ? lease(runner, state) : nil
  }

  private func lease(_ runner: RunnerID, _ state: BoardState) -> RunnerLease? {
    state.entries[runner].map { RunnerLease(runner: runner, key: $0.key, socket: $0.socket, board: self) }
  }

  func giveBack(_ runner: RunnerID) {
    enum Action {
      case none, look
      case passOn(RunnerLease, to: Place)
      case retired([CheckedContinuation<Void, Never>])
    }
    let action = guarded.withLock { guarded -> Action in
      switch guarded.state.giveBack(runner, now: .now) {
      case .nothing: return .none
      case .look: return .look
      case .retired(let waiters): return .retired(waiters.compactMap { guarded.retirements.removeValue(forKey: $0) })
      case .passOn(let waiter):
        guard let place = guarded.places.removeValue(forKey: waiter), let lease = lease(runner, guarded.state) else {
          return .none
        }
        return .passOn(lease, to: place)
      }
    }
    switch action {
    case .none: break
    case .look: onLook()
    case .passOn(let lease, let place): place.resume(returning: lease)
    case .retired(let continuations): for continuation in continuations { continuation.resume() }
    }
  }

  private func set(_ keepAlive: KeepAlive?, of runner: RunnerID, _ state: inout BoardState) -> Bool {
    state.set(keepAlive ?? defaultKeepAlive, isPinned: keepAlive == .forever, of: runner)
  }

  static var ended: SchedulingError {
    SchedulingError(.runnerEnded, "the model's engine ended while the request waited; try again")
  }

  /// To be noted before a name is looked up: a name that was looked up before ``forgetNames()`` is not learnt after it.
  package var namesGeneration: UInt64 { guarded.withLock { $0.state.namesGeneration } }

  /// Forgets every name: tags may have moved. Names are learnt anew from the next requests.
  package func forgetNames() { guarded.withLock { $0.state.forgetNames() } }

  // MARK: For the scheduler

  /// Puts up a runner that is ready and takes places for those who waited for it, before anybody can find it idle.
  ///
  /// - Parameter limit: requests at a time, even if the engine has more slots.
  /// - Returns: `waiters` leases, or fewer when there are not as many places.
  @discardableResult
  func putUp(
    _ runner: RunnerID, key: RunnerKey, socket: FilePath, displayName: String, facts: RunnerFacts = RunnerFacts(),
    keepAlive: KeepAlive? = nil, limit: Int? = nil, takingPlaces waiters: Int = 0
  ) -> [RunnerLease] {
    guarded.withLock { guarded in
      let entry = BoardState.Entry(
        key: key, socket: socket, displayName: displayName, facts: facts,
        slots: facts.properties.slots.flatMap { $0 > 0 ? $0 : nil } ?? Self.placesPerRunner, limit: limit,
        keepAlive: keepAlive ?? defaultKeepAlive, isPinned: keepAlive == .forever, idleSince: .now)
      guarded.state.putUp(runner, entry)
      return (0..<waiters).compactMap { _ in take(runner, &guarded.state) }
    }
  }

  /// Takes the runner down if none of its places is taken and, with `idleFor`, none has been for that long.
  func takeDown(_ runner: RunnerID, ifIdleFor duration: Duration = .zero) -> Bool {
    guarded.withLock { $0.state.takeDown(runner, ifIdleFor: duration, now: .now) }
  }

  /// Says how long the runner stays when it is idle; nil for the daemon's default.
  func setKeepAlive(_ keepAlive: KeepAlive?, of runner: RunnerID) {
    if guarded.withLock({ set(keepAlive, of: runner, &$0.state) }) { onLook() }
  }

  /// Says how many requests at a time the runner gets; nil for as many as its engine has slots. Those who wait for a
  /// place that there is now get it.
  func setLimit(_ limit: Int?, of runner: RunnerID) {
    let served = guarded.withLock { guarded in
      guarded.state.setLimit(limit, of: runner, now: .now).compactMap { waiter -> (lease: RunnerLease, place: Place)? in
        guard let place = guarded.places.removeValue(forKey: waiter), let lease = lease(runner, guarded.state) else {
          return nil
        }
        return (lease, place)
      }
    }
    for (lease, place) in served { place.resume(returning: lease) }
  }

  /// Takes down all runners that have been idle for long enough.
  func takeDownExpired() -> [RunnerID] { guarded.withLock { $0.state.takeDownExpired(now: .now) } }

  /// When the next runner will have been idle for long enough if nobody uses it; nil when none will. From now on
  /// `onLook` tells of those that are earlier.
  ///
  /// - Parameter wantsIdle: whether to tell of each runner that becomes idle, too.
  func planSweep(wantsIdle: Bool = false) -> ContinuousClock.Instant? {
    guarded.withLock { guarded in
      guarded.state.wantsIdle = wantsIdle
      guarded.state.nextSweep = guarded.state.entries.values.compactMap(\.expiry).min()
      return guarded.state.nextSweep
    }
  }

  /// From now on `onLook` tells of each runner that becomes idle.
  func wantIdle() { guarded.withLock { $0.state.wantsIdle = true } }

  /// Hides the runner from new requests. It goes on with what it has.
  func hide(_ runner: RunnerID) { guarded.withLock { $0.state.hide(runner) } }

  /// Hides the runner from new requests, and takes it down as soon as the last of its places has been given back.
  func retire(_ runner: RunnerID) async {
    await withCheckedContinuation { continuation in
      let isDown = guarded.withLock { guarded -> Bool in
        let waiter = guarded.state.newWaiter()
        if guarded.state.retire(runner, telling: waiter) { return true }
        guarded.retirements[waiter] = continuation
        return false
      }
      if isDown { continuation.resume() }
    }
  }

  /// Takes the runner down whatever it does: its engine has ended, or is about to. Those who wait for a place are told.
  func takeDownEnded(_ runner: RunnerID, telling error: SchedulingError = RunnerBoard.ended) {
    let (places, retirements) = guarded.withLock { guarded in
      let told = guarded.state.takeDownEnded(runner)
      return (
        told.waiters.compactMap { guarded.places.removeValue(forKey: $0) },
        told.retirements.compactMap { guarded.retirements.removeValue(forKey: $0) }
      )
    }
    for place in places { place.resume(throwing: error) }
    for retirement in retirements { retirement.resume() }
  }

  func read<Result>(_ body: (BoardState) -> Result) -> Result where Result: Sendable {
    guarded.withLock { body($0.state) }
  }
}
