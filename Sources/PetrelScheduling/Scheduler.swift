// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelEngines
import PetrelOCI
import PetrelProcess

/// Owns the engines: starts one when a request needs it, watches it, ends it when it has been idle.
///
/// Loads belong to the scheduler and not to requests: however many ask for a model, one load runs, its outcome goes to
/// all of them, and a client that leaves does not stop it.
package actor Scheduler {
  private struct Runner {
    let key: RunnerKey
    let engine: RunningEngine
    /// Reports the end of the process to the scheduler.
    let watch: Task<Void, Never>
  }

  private struct Load {
    let name: String
    let task: Task<Void, Never>
    /// Resumed with a place, or with nil when the place has to be looked for anew.
    var waiters: [UInt64: CheckedContinuation<RunnerLease?, any Error>] = [:]
  }

  package nonisolated let board: RunnerBoard
  private let launcher: EngineLauncher
  /// How long an engine stays after its last request; nil for ever.
  package nonisolated let idleTimeout: Duration?
  private let maximumRunners: Int
  private let logger: Logger
  private let wakeUps: AsyncStream<Void>
  private let wakeUp: AsyncStream<Void>.Continuation

  private var runners: [RunnerID: Runner] = [:]
  private var loads: [RunnerKey: Load] = [:]
  /// Engines that are being stopped and still hold their memory.
  private var ending: [RunnerID: Task<Void, Never>] = [:]
  /// Why runners ended, for requests that were cut off. Bounded: only the latest counts.
  private var lastExits: [RunnerID: ExitReport] = [:]
  private var nextRunner: RunnerID = 0
  private var nextWaiter: UInt64 = 0
  private var isShuttingDown = false

  /// - Parameters:
  ///   - idleTimeout: how long an engine stays after its last request; nil for ever.
  ///   - maximumRunners: engines at a time, loading ones included.
  package init(launcher: EngineLauncher, idleTimeout: Duration?, maximumRunners: Int, logger: Logger) {
    board = RunnerBoard()
    self.launcher = launcher
    self.idleTimeout = idleTimeout
    self.maximumRunners = maximumRunners
    self.logger = logger
    (wakeUps, wakeUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  // MARK: Requests

  /// A place at an engine for this model, which is loaded first when it must be.
  ///
  /// - Throws: ``SchedulingError``, what `prepare` throws, or `CancellationError`.
  package func lease(for model: RequestedModel, mode: EngineMode) async throws -> RunnerLease {
    let key = RunnerKey(model: model.id, mode: mode)
    while true {
      try Task.checkCancellation()
      if let lease = try await board.place(for: key, name: model.name, namesGeneration: model.namesGeneration) {
        return lease
      }
      if let lease = try await load(model, key) { return lease }
    }
  }

  /// Waits until the model's load has ended; starts one if none runs.
  ///
  /// - Returns: a place, or nil when the board may have one by now.
  private func load(_ model: RequestedModel, _ key: RunnerKey) async throws -> RunnerLease? {
    guard !isShuttingDown else { throw Self.ending }
    if loads[key] == nil {
      // It may have become ready since the board was asked.
      if runners.values.contains(where: { $0.key == key }) { return nil }
      try makeRoom()
      startLoad(model, key)
    }
    let limit = RunnerBoard.placesPerRunner + RunnerBoard.waitersPerRunner
    guard let waiting = loads[key]?.waiters.count, waiting < limit else {
      throw SchedulingError(.overloaded, "\(limit) requests wait for \(model.name) already; try again later")
    }
    nextWaiter += 1
    let waiter = nextWaiter
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        guard !Task.isCancelled, loads[key] != nil else {
          continuation.resume(with: Task.isCancelled ? .failure(CancellationError()) : .success(nil))
          return
        }
        loads[key]?.waiters[waiter] = continuation
      }
    } onCancel: {
      // Ends at once; nobody needs to wait for it.
      Task { await cancelWaiter(waiter, key) }
    }
  }

  private func cancelWaiter(_ waiter: UInt64, _ key: RunnerKey) {
    loads[key]?.waiters.removeValue(forKey: waiter)?.resume(throwing: CancellationError())
  }

  /// Starts an engine as soon as those that are ending have given back their memory.
  private func startLoad(_ model: RequestedModel, _ key: RunnerKey) {
    nextRunner += 1
    let id = nextRunner
    let launcher = launcher
    let ending = Array(ending.values)
    // Owned by `loads`; `shutDown` cancels and awaits it.
    let task = Task {
      defer { withExtendedLifetime(model) {} }
      for end in ending { await end.value }
      do {
        try Task.checkCancellation()
        let started = ContinuousClock.now
        let engine = try await launcher.start(try await model.prepare(), mode: key.mode, slot: id)
        await loadSucceeded(id, key, engine, model.name, after: started.duration(to: .now))
      } catch {
        loadFailed(key, await explained(error, model))
      }
    }
    loads[key] = Load(name: model.name, task: task)
  }

  /// The engine knows that it could not load a model; the model's files may say why.
  private func explained(_ error: any Error, _ model: RequestedModel) async -> any Error {
    guard let error = error as? EngineError, error.code == .exitedDuringLoad || error.code == .launchFailed,
      let reason = await model.explainFailure?()
    else { return error }
    return EngineError(error.code, "\(reason)\n\n\(error.message)")
  }

  private func loadSucceeded(
    _ id: RunnerID, _ key: RunnerKey, _ engine: RunningEngine, _ name: String, after duration: Duration
  ) async {
    guard !isShuttingDown else {
      await engine.process.stop(grace: .seconds(5))
      launcher.forget(engine.process, socket: engine.socket)
      loadFailed(key, Self.ending)
      return
    }
    logger.info(
      "engine ready",
      metadata: [
        "model": "\(name)", "mode": "\(key.mode.rawValue)", "pid": "\(engine.process.pid)", "after": "\(duration)",
      ])
    let watch = Task {
      let report = await engine.process.exit()
      runnerEnded(id, report)
    }
    runners[id] = Runner(key: key, engine: engine, watch: watch)
    let waiters = loads.removeValue(forKey: key)?.waiters.sorted { $0.key < $1.key }.map(\.value) ?? []
    let leases = board.putUp(
      id, key: key, socket: engine.socket, displayName: name, takingPlaces: waiters.count)
    for (index, waiter) in waiters.enumerated() { waiter.resume(returning: index < leases.count ? leases[index] : nil) }
    wakeUp.yield()
  }

  private func loadFailed(_ key: RunnerKey, _ error: any Error) {
    let load = loads.removeValue(forKey: key)
    let failure: any Error =
      switch error {
      case let error as EngineError: SchedulingError(.loadFailed, "unable to load runner: \(error.message)")
      case is CancellationError: Self.ending
      default: error
      }
    logger.error("engine not loaded", metadata: ["model": "\(load?.name ?? "")", "error": "\(failure)"])
    for waiter in load?.waiters.values ?? [:].values { waiter.resume(throwing: failure) }
  }

  /// Makes sure that one more engine may be started: ends the one that has been idle for longest.
  private func makeRoom() throws {
    guard runners.count + loads.count >= maximumRunners else { return }
    for candidate in board.idleRunners() where runners[candidate.id] != nil && board.takeDown(candidate.id) {
      beginEnd(candidate.id)
      return
    }
    throw SchedulingError(
      .overloaded, "all \(maximumRunners) runners are busy; try again later, or raise `max-runners`")
  }

  // MARK: Ends

  private func runnerEnded(_ id: RunnerID, _ report: ExitReport) {
    guard let runner = runners.removeValue(forKey: id) else { return }
    board.takeDownEnded(id)
    launcher.forget(runner.engine.process, socket: runner.engine.socket)
    if lastExits.count >= 64 { lastExits.removeAll() }
    lastExits[id] = report
    logger.error(
      "engine ended", metadata: ["pid": "\(runner.engine.process.pid)", "reason": "\(LlamaCppFailure.explain(report))"])
  }

  /// Ends a runner that is off the board.
  private func end(_ id: RunnerID) async {
    await beginEnd(id)?.value
  }

  /// Begins to end a runner that is off the board. Nil when it has ended.
  @discardableResult
  private func beginEnd(_ id: RunnerID) -> Task<Void, Never>? {
    guard let engine = runners.removeValue(forKey: id)?.engine else { return ending[id] }
    // Owned by `ending`; `shutDown` awaits it.
    let task = Task {
      await engine.process.stop(grace: .seconds(10))
      launcher.forget(engine.process, socket: engine.socket)
      logger.info("engine unloaded", metadata: ["pid": "\(engine.process.pid)"])
      ending[id] = nil
    }
    ending[id] = task
    return task
  }

  /// Why a runner ended, put into words; waits a moment for an exit that is about to be noticed.
  package func reasonForEnd(of id: RunnerID) async -> String {
    if let runner = runners[id], await ended(runner.engine.process, within: .seconds(2)) == false {
      return "the engine closed the connection"
    }
    await runners[id]?.watch.value
    return lastExits[id].map(LlamaCppFailure.explain) ?? "the engine was unloaded"
  }

  private func ended(_ process: ChildProcess, within limit: Duration) async -> Bool {
    guard let identity = ProcessIdentity(running: process.pid) else { return true }
    let deadline = ContinuousClock.now + limit
    while identity.isRunning, .now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
    return !identity.isRunning
  }

  // MARK: Idle engines

  /// Ends engines that have been idle for too long. Runs until it is cancelled.
  package func run() async {
    // The stream of wake-ups is over after a shutdown and would not make the loop wait any more.
    while !Task.isCancelled, !isShuttingDown {
      if let idleTimeout {
        for runner in board.idleRunners() where board.takeDown(runner.id, ifIdleFor: idleTimeout) {
          await end(runner.id)
        }
      }
      guard let idleTimeout, !runners.isEmpty else {
        // The next load wakes the loop.
        for await _ in wakeUps { break }
        continue
      }
      // A busy runner can't have been idle for long enough before this either.
      let next = board.idleRunners().first.map { $0.since + idleTimeout } ?? .now + idleTimeout
      try? await Task.sleep(until: max(next, .now + .milliseconds(10)), clock: .continuous)
    }
  }

  /// Ends everything: loads are cancelled, engines stopped side by side. Nothing is started afterwards.
  package func shutDown() async {
    isShuttingDown = true
    wakeUp.finish()
    for load in loads.values { load.task.cancel() }
    for load in loads.values { await load.task.value }
    for id in runners.keys { board.takeDownEnded(id) }
    for id in Array(runners.keys) { beginEnd(id) }
    for end in ending.values { await end.value }
  }

  // MARK: What is going on

  /// Names and keys of the models that are being loaded.
  package func loading() -> [(name: String, key: RunnerKey)] {
    loads.map { ($0.value.name, $0.key) }
  }

  /// Whether the model is loaded, or is being loaded.
  package func isInUse(_ model: Digest) -> Bool {
    runners.values.contains { $0.key.model == model } || loads.keys.contains { $0.model == model }
  }

  /// Ends the runners of all models: all have been removed.
  package func retireAll() async {
    for model in Set(runners.values.map(\.key.model) + loads.keys.map(\.model)) { await retire(model) }
  }

  /// Ends the runners of a model that has been removed: idle ones before this returns, the others when their last answer
  /// is complete. New requests do not find them any more.
  package func retire(_ model: Digest) async {
    for (key, load) in loads where key.model == model {
      // Ends with the load, which `shutDown` cancels.
      Task {
        await load.task.value
        await retire(model)
      }
    }
    for (id, runner) in runners where runner.key.model == model {
      if board.takeDown(id) {
        await end(id)
      } else {
        // Ends with the runner's last request, or with the scheduler, which takes down all that is left.
        Task {
          await board.retire(id)
          await end(id)
        }
      }
    }
  }

  private static var ending: SchedulingError { SchedulingError(.shuttingDown, "the daemon is shutting down") }
}
