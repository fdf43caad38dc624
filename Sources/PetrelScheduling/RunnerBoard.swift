// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelOCI
import Synchronization
import SystemPackage

/// The table of ready runners that every lane can read: who serves which name, and how many places are taken.
///
/// The scheduler puts runners up and takes them down; requests take and give back places, synchronously and from any
/// thread. A runner is taken down only while none of its places is taken, which is decided here, under the lock.
package final class RunnerBoard: Sendable {
  /// How many requests one engine works on or holds in its own queue at a time.
  package static let placesPerRunner = 64
  /// How many more wait for a place, first come, first served.
  package static let waitersPerRunner = 512

  private struct Waiter {
    let id: UInt64
    let continuation: CheckedContinuation<RunnerLease, any Error>
  }

  private struct Entry {
    let key: RunnerKey
    let socket: FilePath
    let displayName: String
    let facts: RunnerFacts
    var keepAlive: KeepAlive
    /// Whether a user or a request asked for it to stay, and not only the daemon's default.
    var isPinned: Bool
    var isDraining = false
    var taken = 0
    var idleSince: ContinuousClock.Instant
    var waiters: [Waiter] = []
    /// Those who wait for the runner to be taken down when it is idle.
    var retirements: [CheckedContinuation<Void, Never>] = []

    /// When the runner has been idle for long enough; nil while it is in use, and for ever.
    var expiry: ContinuousClock.Instant? {
      guard taken == 0, !isDraining, case .after(let duration) = keepAlive else { return nil }
      return idleSince + duration
    }
  }

  private struct Alias: Hashable {
    let name: String
    let mode: EngineMode
  }

  private struct State {
    var entries: [RunnerID: Entry] = [:]
    var runners: [RunnerKey: RunnerID] = [:]
    /// Names as requests write them, learnt from requests that were resolved.
    var aliases: [Alias: RunnerID] = [:]
    /// Counts how often names were forgotten.
    var namesGeneration: UInt64 = 0
    var nextWaiter: UInt64 = 0
    /// When the scheduler looks for idle runners next; nil when it has no reason to.
    var nextSweep: ContinuousClock.Instant?
  }

  private static let maximumAliases = 4096
  private let state = Mutex(State())
  private let defaultKeepAlive: KeepAlive
  private let onEarlierExpiry: @Sendable () -> Void

  /// - Parameters:
  ///   - defaultKeepAlive: for runners for which nobody has said anything else.
  ///   - onEarlierExpiry: called when a runner will have been idle for long enough before the next sweep.
  package init(defaultKeepAlive: KeepAlive = .forever, onEarlierExpiry: @escaping @Sendable () -> Void = {}) {
    self.defaultKeepAlive = defaultKeepAlive
    self.onEarlierExpiry = onEarlierExpiry
  }

  // MARK: For requests

  /// A place at the runner that serves `name`, if it is known, ready and has one free. Never waits.
  package func take(name: String, mode: EngineMode, keepAlive: KeepAlive? = nil) -> RunnerLease? {
    state.withLock { state in
      guard let runner = state.aliases[Alias(name: name, mode: mode)] else { return nil }
      let lease = take(runner, &state)
      if let keepAlive, lease != nil { set(keepAlive, of: runner, &state) }
      return lease
    }
  }

  /// A place at the runner for `key`. `name` is remembered as a name for it, unless the request is a special case.
  ///
  /// - Returns: nil when there is no such runner. Waits while all its places are taken.
  /// - Throws: ``SchedulingError`` when too many wait or the runner ends; `CancellationError`.
  func place(
    for key: RunnerKey, name: String, namesGeneration: UInt64? = nil, learnsName: Bool = true
  ) async throws -> RunnerLease? {
    let (lease, waiterID) = try state.withLock { state -> (RunnerLease?, UInt64?) in
      guard let runner = state.runners[key], let entry = state.entries[runner] else { return (nil, nil) }
      if learnsName, namesGeneration ?? state.namesGeneration == state.namesGeneration {
        if state.aliases.count >= Self.maximumAliases { state.aliases.removeAll() }
        state.aliases[Alias(name: name, mode: key.mode)] = runner
      }
      if let lease = take(runner, &state) { return (lease, nil) }
      guard entry.waiters.count < Self.waitersPerRunner else {
        throw SchedulingError(.overloaded, "\(entry.waiters.count) requests wait for \(name) already; try again later")
      }
      state.nextWaiter += 1
      return (nil, state.nextWaiter)
    }
    guard let waiterID else { return lease }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        enqueue(Waiter(id: waiterID, continuation: continuation), for: key)
      }
    } onCancel: {
      cancelWaiter(waiterID, for: key)
    }
  }

  private func enqueue(_ waiter: Waiter, for key: RunnerKey) {
    let result = state.withLock { state -> Result<RunnerLease, any Error>? in
      // Asked under the lock: a cancellation after this finds the waiter in its place.
      if Task.isCancelled { return .failure(CancellationError()) }
      guard let runner = state.runners[key] else { return .failure(Self.ended) }
      if let lease = take(runner, &state) { return .success(lease) }
      state.entries[runner]?.waiters.append(waiter)
      return nil
    }
    if let result { waiter.continuation.resume(with: result) }
  }

  private func cancelWaiter(_ id: UInt64, for key: RunnerKey) {
    let waiter = state.withLock { state -> Waiter? in
      guard let runner = state.runners[key],
        let index = state.entries[runner]?.waiters.firstIndex(where: { $0.id == id })
      else { return nil }
      return state.entries[runner]?.waiters.remove(at: index)
    }
    waiter?.continuation.resume(throwing: CancellationError())
  }

  private func take(_ runner: RunnerID, _ state: inout State) -> RunnerLease? {
    guard let entry = state.entries[runner], entry.taken < Self.placesPerRunner else { return nil }
    state.entries[runner]?.taken += 1
    return RunnerLease(runner: runner, key: entry.key, socket: entry.socket, board: self)
  }

  func giveBack(_ runner: RunnerID) {
    enum Next {
      case nothing
      case passOn(RunnerLease, to: Waiter)
      case retire([CheckedContinuation<Void, Never>])
      case sweep
    }
    let next = state.withLock { state -> Next in
      guard var entry = state.entries[runner] else { return .nothing }
      if !entry.waiters.isEmpty {
        // The place goes on to the one who has waited longest.
        let waiter = entry.waiters.removeFirst()
        state.entries[runner] = entry
        return .passOn(
          RunnerLease(runner: runner, key: entry.key, socket: entry.socket, board: self), to: waiter)
      }
      entry.taken -= 1
      if entry.taken == 0 { entry.idleSince = .now }
      state.entries[runner] = entry
      if entry.taken == 0, !entry.retirements.isEmpty {
        remove(runner, &state)
        return .retire(entry.retirements)
      }
      return expiresBeforeSweep(entry, state) ? .sweep : .nothing
    }
    switch next {
    case .nothing: break
    case .passOn(let lease, let waiter): waiter.continuation.resume(returning: lease)
    case .retire(let retirements): for retirement in retirements { retirement.resume() }
    case .sweep: onEarlierExpiry()
    }
  }

  private func expiresBeforeSweep(_ entry: Entry, _ state: State) -> Bool {
    guard let expiry = entry.expiry else { return false }
    return state.nextSweep.map { expiry < $0 } ?? true
  }

  private func set(_ keepAlive: KeepAlive?, of runner: RunnerID, _ state: inout State) {
    state.entries[runner]?.keepAlive = keepAlive ?? defaultKeepAlive
    state.entries[runner]?.isPinned = keepAlive == .forever
  }

  // MARK: For the scheduler

  /// Puts up a runner that is ready and takes places for those who waited for it, before anybody can find it idle.
  ///
  /// - Returns: `waiters` leases, or fewer when there are not as many places.
  @discardableResult
  func putUp(
    _ runner: RunnerID, key: RunnerKey, socket: FilePath, displayName: String, facts: RunnerFacts = RunnerFacts(),
    keepAlive: KeepAlive? = nil, takingPlaces waiters: Int = 0
  ) -> [RunnerLease] {
    state.withLock { state in
      state.entries[runner] = Entry(
        key: key, socket: socket, displayName: displayName, facts: facts, keepAlive: keepAlive ?? defaultKeepAlive,
        isPinned: keepAlive == .forever, idleSince: .now)
      state.runners[key] = runner
      return (0..<waiters).compactMap { _ in take(runner, &state) }
    }
  }

  /// Takes the runner down if none of its places is taken and, with `idleFor`, none has been for that long.
  func takeDown(_ runner: RunnerID, ifIdleFor duration: Duration = .zero) -> Bool {
    state.withLock { state in
      guard let entry = state.entries[runner], entry.taken == 0, entry.idleSince + duration <= .now else {
        return false
      }
      remove(runner, &state)
      return true
    }
  }

  /// Says how long the runner stays when it is idle; nil for the daemon's default.
  func setKeepAlive(_ keepAlive: KeepAlive?, of runner: RunnerID) {
    let isEarlier = state.withLock { state -> Bool in
      set(keepAlive, of: runner, &state)
      return state.entries[runner].map { expiresBeforeSweep($0, state) } ?? false
    }
    if isEarlier { onEarlierExpiry() }
  }

  /// Takes down all runners that have been idle for long enough.
  func takeDownExpired() -> [RunnerID] {
    state.withLock { state in
      let now = ContinuousClock.now
      let expired = state.entries.filter { $0.value.expiry.map { $0 <= now } ?? false }.map(\.key)
      for runner in expired { remove(runner, &state) }
      return expired
    }
  }

  /// When the next runner will have been idle for long enough if nobody uses it; nil when none will. From now on
  /// `onEarlierExpiry` tells of those that are earlier.
  func planSweep() -> ContinuousClock.Instant? {
    state.withLock { state in
      state.nextSweep = state.entries.values.compactMap(\.expiry).min()
      return state.nextSweep
    }
  }

  /// Hides the runner from new requests. It goes on with what it has.
  func hide(_ runner: RunnerID) {
    state.withLock { state in
      guard let entry = state.entries[runner] else { return }
      state.entries[runner]?.isDraining = true
      hide(runner, entry.key, &state)
    }
  }

  /// Hides the runner from new requests, and takes it down as soon as the last of its places has been given back.
  func retire(_ runner: RunnerID) async {
    await withCheckedContinuation { continuation in
      let isDown = state.withLock { state -> Bool in
        guard let entry = state.entries[runner] else { return true }
        state.entries[runner]?.isDraining = true
        hide(runner, entry.key, &state)
        guard entry.taken > 0 else {
          remove(runner, &state)
          return true
        }
        state.entries[runner]?.retirements.append(continuation)
        return false
      }
      if isDown { continuation.resume() }
    }
  }

  /// Takes the runner down whatever it does: its engine has ended. Those who wait for a place are told.
  func takeDownEnded(_ runner: RunnerID) {
    let entry = state.withLock { state -> Entry? in
      defer { remove(runner, &state) }
      return state.entries[runner]
    }
    for waiter in entry?.waiters ?? [] { waiter.continuation.resume(throwing: Self.ended) }
    for retirement in entry?.retirements ?? [] { retirement.resume() }
  }

  private func remove(_ runner: RunnerID, _ state: inout State) {
    guard let entry = state.entries.removeValue(forKey: runner) else { return }
    hide(runner, entry.key, &state)
  }

  private func hide(_ runner: RunnerID, _ key: RunnerKey, _ state: inout State) {
    if state.runners[key] == runner { state.runners[key] = nil }
    state.aliases = state.aliases.filter { $0.value != runner }
  }

  /// Forgets every name: tags may have moved. Names are learnt anew from the next requests.
  package func forgetNames() {
    state.withLock { state in
      state.aliases.removeAll()
      state.namesGeneration += 1
    }
  }

  /// To be noted before a name is looked up: a name that was looked up before ``forgetNames()`` is not learnt after it.
  package var namesGeneration: UInt64 { state.withLock(\.namesGeneration) }

  /// Runners that are idle and that nobody asked to stay, the one that has been idle for longest first.
  func idleRunners() -> [(id: RunnerID, since: ContinuousClock.Instant)] {
    state.withLock { state in
      state.entries.filter { $0.value.taken == 0 && !$0.value.isPinned }.map { ($0.key, $0.value.idleSince) }.sorted {
        $0.1 < $1.1
      }
    }
  }

  /// What `ps` shows of a ready runner.
  package struct Row: Sendable {
    package let id: RunnerID
    package let name: String
    package let key: RunnerKey
    package let facts: RunnerFacts
    package let keepAlive: KeepAlive
    /// It finishes what it has and takes nothing new: other settings hold, or the model has been removed.
    package let isDraining: Bool
    package let isInUse: Bool
    /// Requests that wait for a place.
    package let waiting: Int
    package let idleFor: Duration
  }

  package func rows() -> [Row] {
    state.withLock { state in
      state.entries.sorted { $0.key < $1.key }.map { id, entry in
        Row(
          id: id, name: entry.displayName, key: entry.key, facts: entry.facts, keepAlive: entry.keepAlive,
          isDraining: entry.isDraining, isInUse: entry.taken > 0, waiting: entry.waiters.count,
          idleFor: entry.taken > 0 ? .zero : entry.idleSince.duration(to: .now))
      }
    }
  }

  private static var ended: SchedulingError {
    SchedulingError(.runnerEnded, "the model's engine ended while the request waited; try again")
  }
}
