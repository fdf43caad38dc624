// SPDX-License-Identifier: Apache-2.0

import PetrelMemory

/// Decides which load may start next and what has to make room for it. It does nothing itself: the scheduler tells it
/// what there is, does what it says, and asks again.
///
/// - A load that fits starts. The one that has waited longest goes first; while it has waited for less than `patience`,
///   later ones that fit may pass it.
/// - For the first one that does not fit, idle runners are ended, least recently used first, if that helps. Busy and
///   pinned ones never are.
/// - After `patience` one busy runner takes nothing new, so that those who keep it busy share with those who wait.
/// - A load that could not fit even then is refused, and so is one that has waited for `maximumWait`.
struct Admission {
  typealias Instant = ContinuousClock.Instant

  struct Limits: Sendable {
    /// Engines at a time, loading and ending ones included.
    var engines: Int
    /// Loads that wait.
    var claims = 64
    var patience = Duration.seconds(5)
    var maximumWait = Duration.seconds(300)
    /// A claim for batch work waits as if it had come so much later.
    var ageing = Duration.seconds(10)
  }

  /// A load that wants to start.
  struct Claim: Sendable {
    let id: RunnerID
    /// Zero when nobody knows.
    let need: ByteCount
    let since: Instant
    var isBatch = false
  }

  /// A runner that is up.
  struct Resident: Sendable {
    let id: RunnerID
    /// Bytes that come back when it ends.
    var held: ByteCount
    var isBusy: Bool
    var isPinned: Bool
    /// It takes nothing new and ends with its last answer.
    var isDraining: Bool
    /// For idle ones: when they were used last.
    var idleSince: Instant
  }

  struct Surroundings: Sendable {
    var now: Instant
    var residents: [Resident]
    /// Engines that are being stopped and still hold their memory.
    var ending: Int
    /// What one more engine may take; nil when nobody knows.
    var usable: ByteCount?
    /// Of engines that are being loaded: it may come back when their loads fail.
    var promised: ByteCount
  }

  enum Refusal: Sendable, Equatable {
    /// Not even with everything ended that may be ended.
    case tooLarge
    /// Every runner is pinned.
    case allPinned
    case waitedTooLong
  }

  enum Decision: Sendable, Equatable {
    case admit(RunnerID)
    case evict(RunnerID)
    case drain(RunnerID)
    case refuse(RunnerID, Refusal)
    /// Ask again when something has changed, or at this time.
    case wait(until: Instant?)
  }

  let limits: Limits
  /// In the order in which they go.
  private(set) var waiting: [Claim] = []
  private(set) var loading: Set<RunnerID> = []

  init(limits: Limits) { self.limits = limits }

  /// - Returns: false when too many wait already.
  mutating func enqueue(_ claim: Claim) -> Bool {
    guard waiting.count < limits.claims else { return false }
    insert(claim)
    return true
  }

  private mutating func insert(_ claim: Claim) {
    // Of two that came at the same moment, the one that was asked for first goes first.
    let index = waiting.firstIndex { (order(claim), claim.id) < (order($0), $0.id) } ?? waiting.count
    waiting.insert(claim, at: index)
  }

  /// Who waits for the load may have changed, and with that whether it is for batch work.
  ///
  /// - Returns: whether that has changed the order.
  mutating func setBatch(_ isBatch: Bool, of id: RunnerID) -> Bool {
    guard let index = waiting.firstIndex(where: { $0.id == id }), waiting[index].isBatch != isBatch else {
      return false
    }
    var claim = waiting.remove(at: index)
    claim.isBatch = isBatch
    insert(claim)
    return true
  }

  private func order(_ claim: Claim) -> Instant { claim.isBatch ? claim.since + limits.ageing : claim.since }

  /// Nobody waits for the load any more.
  ///
  /// - Returns: whether it was waiting.
  mutating func withdraw(_ id: RunnerID) -> Bool {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return false }
    waiting.remove(at: index)
    return true
  }

  /// An admitted load has ended, with a runner or without one.
  ///
  /// - Returns: whether it was known as one.
  @discardableResult
  mutating func ended(_ id: RunnerID) -> Bool { loading.remove(id) != nil }

  mutating func next(_ there: Surroundings) -> Decision {
    if let late = waiting.first(where: { $0.since + limits.maximumWait <= there.now }) {
      return refuse(late, .waitedTooLong)
    }
    guard let head = waiting.first else { return .wait(until: nil) }
    if fits(head, there) { return admit(head) }
    let isOverdue = head.since + limits.patience <= there.now
    if !isOverdue, let other = waiting.dropFirst().first(where: { fits($0, there) }) { return admit(other) }
    // What is ending may be enough.
    if there.ending > 0 { return wait(isOverdue, head) }
    return makeRoom(for: head, isOverdue, there)
  }

  private mutating func makeRoom(for head: Claim, _ isOverdue: Bool, _ there: Surroundings) -> Decision {
    let removable = there.residents.filter { !$0.isPinned || $0.isDraining }
    if let usable = there.usable, head.need > usable + removable.map(\.held).total + there.promised {
      return refuse(head, .tooLarge)
    }
    if isCrowded(there), removable.isEmpty, loading.isEmpty { return refuse(head, .allPinned) }
    let idle = removable.filter { !$0.isBusy && !$0.isDraining }
    let suffices = there.usable.map { head.need <= $0 + idle.map(\.held).total } ?? true
    if suffices, let victim = idle.min(by: { ($0.idleSince, $0.id) < ($1.idleSince, $1.id) }) {
      return .evict(victim.id)
    }
    if isOverdue, !there.residents.contains(where: \.isDraining),
      // The one that has been there for longest has had its share.
      let victim = removable.filter(\.isBusy).min(by: { $0.id < $1.id })
    {
      return .drain(victim.id)
    }
    return wait(isOverdue, head)
  }

  private func isCrowded(_ there: Surroundings) -> Bool {
    there.residents.count + loading.count + there.ending >= limits.engines
  }

  private func fits(_ claim: Claim, _ there: Surroundings) -> Bool {
    !isCrowded(there) && (there.usable.map { claim.need <= $0 } ?? true)
  }

  private mutating func admit(_ claim: Claim) -> Decision {
    _ = withdraw(claim.id)
    loading.insert(claim.id)
    return .admit(claim.id)
  }

  private mutating func refuse(_ claim: Claim, _ reason: Refusal) -> Decision {
    _ = withdraw(claim.id)
    return .refuse(claim.id, reason)
  }

  private func wait(_ isOverdue: Bool, _ head: Claim) -> Decision {
    let deadline = waiting.map { $0.since + limits.maximumWait }.min() ?? head.since + limits.maximumWait
    return .wait(until: isOverdue ? deadline : min(deadline, head.since + limits.patience))
  }
}
