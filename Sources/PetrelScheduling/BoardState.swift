// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelOCI
import SystemPackage

/// The rules of the board as a value: which runner serves which name, how many of its places are taken, who waits for
/// one. Nothing here waits, and time comes in from outside.
struct BoardState {
  typealias Instant = ContinuousClock.Instant
  typealias WaiterID = UInt64

  struct Waiter {
    let id: WaiterID
    /// Who has the smaller one goes first.
    let order: Instant
  }

  struct Entry {
    let key: RunnerKey
    let socket: FilePath
    let displayName: String
    let facts: RunnerFacts
    /// What the engine can work on at a time.
    let slots: Int
    /// What it is to work on at a time; nil for as much as it can.
    var limit: Int?
    var keepAlive: KeepAlive
    /// Whether a user or a request asked for it to stay, and not only the daemon's default.
    var isPinned: Bool
    var isDraining = false
    var taken = 0
    var idleSince: Instant
    var pace = ServicePace()
    /// In the order in which they go.
    var waiters: [Waiter] = []
    /// Those who wait for the runner to be taken down when it is idle.
    var retirements: [WaiterID] = []

    /// Requests at a time.
    var places: Int { min(slots, limit ?? slots) }

    /// When the runner has been idle for long enough; nil while it is in use, and for ever.
    var expiry: Instant? {
      guard taken == 0, !isDraining, case .after(let duration) = keepAlive else { return nil }
      return idleSince + duration
    }
  }

  private struct Alias: Hashable {
    let name: String
    let mode: EngineMode
  }

  private static let maximumAliases = 4096

  private(set) var entries: [RunnerID: Entry] = [:]
  private var runners: [RunnerKey: RunnerID] = [:]
  /// Names as requests write them, learnt from requests that were resolved.
  private var aliases: [Alias: RunnerID] = [:]
  /// At which runner somebody waits, hidden ones included.
  private var places: [WaiterID: RunnerID] = [:]
  private var nextWaiter: WaiterID = 0
  /// Counts how often names were forgotten.
  private(set) var namesGeneration: UInt64 = 0
  /// When the scheduler looks for idle runners next; nil when it has no reason to.
  var nextSweep: Instant?
  /// Whether the scheduler wants to know of each runner that becomes idle.
  var wantsIdle = false

  // MARK: Places

  func runner(named name: String, mode: EngineMode) -> RunnerID? { aliases[Alias(name: name, mode: mode)] }

  func runner(for key: RunnerKey) -> RunnerID? { runners[key] }

  /// Whether there was a free place; it is taken then.
  mutating func take(_ runner: RunnerID, now: Instant) -> Bool {
    guard let entry = entries[runner], entry.taken < entry.places else { return false }
    if entry.taken == 0 { entries[runner]?.pace.begin(now) }
    entries[runner]?.taken += 1
    return true
  }

  mutating func newWaiter() -> WaiterID {
    nextWaiter += 1
    return nextWaiter
  }

  /// Puts somebody in line.
  mutating func enqueue(_ waiter: Waiter, at runner: RunnerID) {
    guard let line = entries[runner]?.waiters else { return }
    let index = line.firstIndex { (waiter.order, waiter.id) < ($0.order, $0.id) } ?? line.count
    entries[runner]?.waiters.insert(waiter, at: index)
    places[waiter.id] = runner
  }

  /// Takes somebody out of line, wherever that is. False when they have been served already.
  mutating func cancel(_ id: WaiterID) -> Bool {
    guard let runner = places.removeValue(forKey: id) else { return false }
    entries[runner]?.waiters.removeAll { $0.id == id }
    return true
  }

  /// How many go before this one, and how long that may take.
  func standing(of id: WaiterID, now: Instant) -> (ahead: Int, wait: Duration?)? {
    guard let runner = places[id], let entry = entries[runner],
      let index = entry.waiters.firstIndex(where: { $0.id == id })
    else { return nil }
    return (index, entry.pace.time(for: index + 1, now: now))
  }

  enum Next: Equatable {
    case nothing
    /// The place is this one's now.
    case passOn(WaiterID)
    /// The runner is down, and these waited for that.
    case retired([WaiterID])
    /// It is idle, and the scheduler should look.
    case look
  }

  mutating func giveBack(_ runner: RunnerID, now: Instant) -> Next {
    guard var entry = entries[runner], entry.taken > 0 else { return .nothing }
    entry.pace.count()
    // Where the limit has been lowered, places go before anybody gets one.
    if !entry.waiters.isEmpty, entry.taken <= entry.places {
      let waiter = entry.waiters.removeFirst()
      places[waiter.id] = nil
      entries[runner] = entry
      return .passOn(waiter.id)
    }
    entry.taken -= 1
    if entry.taken == 0 {
      entry.idleSince = now
      entry.pace.pause(now)
    }
    entries[runner] = entry
    guard entry.taken == 0 else { return .nothing }
    if !entry.retirements.isEmpty {
      remove(runner)
      return .retired(entry.retirements)
    }
    return wantsIdle || expiresBeforeSweep(entry) ? .look : .nothing
  }

  /// - Returns: those who wait and have a place now.
  mutating func setLimit(_ limit: Int?, of runner: RunnerID, now: Instant) -> [WaiterID] {
    entries[runner]?.limit = limit
    var served: [WaiterID] = []
    while let waiter = entries[runner]?.waiters.first?.id, take(runner, now: now) {
      entries[runner]?.waiters.removeFirst()
      places[waiter] = nil
      served.append(waiter)
    }
    return served
  }

  private func expiresBeforeSweep(_ entry: Entry) -> Bool {
    guard let expiry = entry.expiry else { return false }
    return nextSweep.map { expiry < $0 } ?? true
  }

  // MARK: Names

  mutating func learn(_ name: String, for runner: RunnerID, mode: EngineMode, generation: UInt64?) {
    guard generation ?? namesGeneration == namesGeneration else { return }
    if aliases.count >= Self.maximumAliases { aliases.removeAll() }
    aliases[Alias(name: name, mode: mode)] = runner
  }

  mutating func forgetNames() {
    aliases.removeAll()
    namesGeneration += 1
  }

  // MARK: Runners

  mutating func putUp(_ runner: RunnerID, _ entry: Entry) {
    entries[runner] = entry
    runners[entry.key] = runner
  }

  /// Takes the runner down if none of its places is taken and none has been for so long.
  mutating func takeDown(_ runner: RunnerID, ifIdleFor duration: Duration, now: Instant) -> Bool {
    guard let entry = entries[runner], entry.taken == 0, entry.idleSince + duration <= now else { return false }
    remove(runner)
    return true
  }

  mutating func takeDownExpired(now: Instant) -> [RunnerID] {
    let expired = entries.filter { $0.value.expiry.map { $0 <= now } ?? false }.map(\.key)
    for runner in expired { remove(runner) }
    return expired
  }

  /// Takes the runner down whatever it does.
  ///
  /// - Returns: those who waited for a place, and those who waited for it to be down.
  mutating func takeDownEnded(_ runner: RunnerID) -> (waiters: [WaiterID], retirements: [WaiterID]) {
    guard let entry = entries[runner] else { return ([], []) }
    remove(runner)
    for waiter in entry.waiters { places[waiter.id] = nil }
    return (entry.waiters.map(\.id), entry.retirements)
  }

  /// Hides the runner from new requests. It goes on with what it has.
  mutating func hide(_ runner: RunnerID) {
    guard let entry = entries[runner] else { return }
    entries[runner]?.isDraining = true
    forget(runner, entry.key)
  }

  /// Hides the runner and takes it down as soon as the last of its places has been given back.
  ///
  /// - Returns: whether it is down already; else `waiter` is told.
  mutating func retire(_ runner: RunnerID, telling waiter: WaiterID) -> Bool {
    hide(runner)
    guard let entry = entries[runner] else { return true }
    guard entry.taken > 0 else {
      remove(runner)
      return true
    }
    entries[runner]?.retirements.append(waiter)
    return false
  }

  /// - Returns: whether it will have been idle for long enough before the next sweep.
  mutating func set(_ keepAlive: KeepAlive, isPinned: Bool, of runner: RunnerID) -> Bool {
    entries[runner]?.keepAlive = keepAlive
    entries[runner]?.isPinned = isPinned
    return entries[runner].map(expiresBeforeSweep) ?? false
  }

  private mutating func remove(_ runner: RunnerID) {
    guard let entry = entries.removeValue(forKey: runner) else { return }
    forget(runner, entry.key)
  }

  private mutating func forget(_ runner: RunnerID, _ key: RunnerKey) {
    if runners[key] == runner { runners[key] = nil }
    aliases = aliases.filter { $0.value != runner }
  }
}
