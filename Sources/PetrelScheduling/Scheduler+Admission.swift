// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelMemory
import PetrelProcess

extension Scheduler {
  /// What a load was given.
  struct Admitted: Sendable {
    var choice: MemoryChoice
    var estimate: ByteCount?
  }

  /// A load that waits for its turn.
  struct PendingLoad {
    let key: RunnerKey
    let name: String
    let files: EngineModel
    let demand: EngineDemand
    let turn: CheckedContinuation<Void, any Error>
  }

  /// Waits until the load may start its engine: there is memory for it, and a place among the engines.
  ///
  /// - Throws: ``SchedulingError`` with code `overloaded` or `insufficientMemory`; `CancellationError`, also when all who
  ///   asked for the load have left.
  func admission(
    _ id: RunnerID, _ key: RunnerKey, _ name: String, _ files: EngineModel, _ settings: ModelSettings
  ) async throws -> Admitted {
    guard let load = loads[key], load.id == id else { throw CancellationError() }
    guard !load.waiters.isEmpty else {
      loads[key] = nil
      throw CancellationError()
    }
    var demand = try launcher.demand(for: files, mode: key.mode, settings: settings)
    // What it needs at least: with one slot, if nobody has said how many.
    let least = leastDemand(demand)
    let claim = Admission.Claim(
      id: id, need: files.estimate(least)?.total ?? .zero, since: .now, isBatch: load.isForBatch)
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
        guard !Task.isCancelled else { return turn.resume(throwing: CancellationError()) }
        guard admission.enqueue(claim) else {
          return turn.resume(
            throwing: SchedulingError(
              .overloaded, "\(admission.waiting.count) models wait to be loaded already; try again later",
              retryAfter: .seconds(30)))
        }
        pending[id] = PendingLoad(key: key, name: name, files: files, demand: demand, turn: turn)
        admitNext()
      }
    } onCancel: {
      // Ends at once.
      Task { await withdraw(id) }
    }
    // It may have been given up in the moment in which it was admitted.
    try Task.checkCancellation()
    let usable = freeMemory(without: id)?.usable
    // Of a model whose shape is not known nothing is known to fit.
    if let usable, files.shape != nil { demand.memory = files.demand(demand, within: usable) }
    let estimate = files.estimate(demand.memory)?.total
    promise(estimate, id, key)
    let isReduced = !demand.fixesSlots && demand.memory.slots < MemoryDemand.defaultSlots
    return Admitted(
      choice: MemoryChoice(
        slots: isReduced || !demand.memory.sharesCache ? demand.memory.slots : nil,
        sharesCache: demand.memory.sharesCache,
        promptCache: usable.flatMap { MemoryPlan.promptCache(need: estimate ?? .zero, usable: $0) }),
      estimate: estimate)
  }

  private func promise(_ size: ByteCount?, _ id: RunnerID, _ key: RunnerKey) {
    if loads[key]?.id == id { loads[key]?.promised = size ?? .zero }
    abandoned[id]?.promised = size ?? .zero
  }

  /// The load has no engine any more: what it was given is free for others.
  func giveUpAdmission(_ id: RunnerID, _ key: RunnerKey) {
    admission.ended(id)
    promise(nil, id, key)
    abandoned[id]?.isEnding = false
    admitNext()
  }

  /// Lets the rules know who waits for a load that waits itself.
  func noteWaiters(of key: RunnerKey) {
    guard let load = loads[key], pending[load.id] != nil, !load.waiters.isEmpty else { return }
    if admission.setBatch(load.isForBatch, of: load.id) { admitNext() }
  }

  /// What an engine needs at least: with one slot, if nobody has said how many, and one context for all.
  func leastDemand(_ demand: EngineDemand) -> MemoryDemand {
    var least = demand.memory
    if !demand.fixesSlots { least.slots = 1 }
    return least
  }

  /// Does what the rules of ``Admission`` say until they say to wait.
  ///
  /// - Returns: when to ask them again if nothing happens before.
  func admit() -> ContinuousClock.Instant? {
    guard !admission.waiting.isEmpty else { return nil }
    for id in runners.keys { measure(id) }
    while true {
      switch admission.next(surroundings()) {
      case .admit(let id):
        guard let load = pending.removeValue(forKey: id) else { continue }
        // Others that are asked about next must not be given the same memory.
        promise(load.files.estimate(leastDemand(load.demand))?.total, id, load.key)
        load.turn.resume()
      case .evict(let id):
        // If it has become busy meanwhile, the next answer is another one.
        guard board.takeDown(id) else { continue }
        evictions += 1
        logger.info("making room", metadata: ["unloads": "\(runners[id]?.name ?? "")"])
        beginEnd(id, .evicted)
      case .drain(let id):
        logger.info("making room", metadata: ["unloads when idle": "\(runners[id]?.name ?? "")"])
        drain(id)
      case .refuse(let id, let reason):
        guard let load = pending.removeValue(forKey: id) else { continue }
        load.turn.resume(throwing: refusal(of: load, reason))
      case .wait(let time):
        board.wantIdle()
        // One may have become idle just before.
        if admission.waiting.isEmpty || !hasNewlyIdle() { return time }
      }
    }
  }

  /// Whether a runner is idle that the rules have not been told of; asked after the board has been told to tell.
  private func hasNewlyIdle() -> Bool {
    let idle = Set(board.rows().filter { !$0.isInUse && !$0.isDraining && !$0.isPinned }.map(\.id))
    defer { seenIdle = idle }
    return !idle.isSubset(of: seenIdle)
  }

  private func surroundings() -> Admission.Surroundings {
    let rows = board.rows()
    seenIdle = Set(rows.filter { !$0.isInUse && !$0.isDraining && !$0.isPinned }.map(\.id))
    let free = freeMemory()
    return Admission.Surroundings(
      now: .now,
      residents: rows.compactMap { row in
        runners[row.id].map {
          Admission.Resident(
            id: row.id, held: $0.held, isBusy: row.isInUse, isPinned: row.isPinned, isDraining: row.isDraining,
            idleSince: row.idleSince)
        }
      },
      ending: ending.count + abandoned.values.count(where: \.isEnding), usable: free?.usable,
      promised: free?.promised ?? .zero)
  }

  private func withdraw(_ id: RunnerID) {
    guard admission.withdraw(id), let load = pending.removeValue(forKey: id) else { return }
    load.turn.resume(throwing: CancellationError())
    admitNext()
  }

  /// What is free for one more engine.
  ///
  /// - Parameter id: a load that is not to be counted.
  func freeMemory(without id: RunnerID? = nil) -> FreeMemory? {
    let others = (Array(loads.values) + Array(abandoned.values)).filter { $0.id != id }
    return memory.free(engines: runners.values.compactMap(\.memory), promised: others.map(\.promised).total)
  }

  private func refusal(of load: PendingLoad, _ reason: Admission.Refusal) -> SchedulingError {
    switch reason {
    case .waitedTooLong:
      return SchedulingError(
        .overloaded,
        "\(load.name) has waited \(admission.limits.maximumWait.components.seconds) s for other models to become idle; "
          + "try again later, or unload one with `petrel unload`", retryAfter: .seconds(30))
    case .allPinned:
      return SchedulingError(
        .overloaded,
        "all \(admission.limits.engines) runners are to be kept for ever; unload one with `petrel unload`, or raise "
          + "`max-runners`", retryAfter: .seconds(60))
    case .tooLarge:
      let usable = freeMemory()?.usable ?? .zero
      let idle = board.idleRunners().compactMap { runners[$0.id]?.held }.total
      let assessment = FitAssessment(
        verdict: .tooLarge, demand: load.demand, estimate: load.files.estimate(leastDemand(load.demand)),
        free: freeMemory(), evictable: idle,
        options: FitAdvice(load.demand.memory, limit: usable + idle) { load.files.estimate($0)?.total ?? .zero }
          .options)
      return SchedulingError(
        .insufficientMemory, "not enough memory for \(load.name). " + assessment.message, retryAfter: .seconds(60))
    }
  }
}
