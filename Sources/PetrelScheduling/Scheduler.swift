// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelProcess

/// Owns the engines: starts one when a request needs it, watches it, ends it when it has been idle.
///
/// Loads belong to the scheduler and not to requests: however many ask for a model, one load runs, its outcome goes to
/// all of them, and a client that leaves does not stop it.
package actor Scheduler {
  struct Runner {
    let key: RunnerKey
    let name: String
    let engine: RunningEngine
    /// What it was started with.
    let launch: ModelSettings
    /// Reports the end of the process to the scheduler.
    let watch: Task<Void, Never>
  }

  struct Load {
    let name: String
    let task: Task<Void, Never>
    /// Resumed with a place, or with nil when the place has to be looked for anew.
    var waiters: [UInt64: CheckedContinuation<RunnerLease?, any Error>] = [:]
  }

  package nonisolated let board: RunnerBoard
  package nonisolated let settings: SettingsStore
  let launcher: EngineLauncher
  private let maximumRunners: Int
  let logger: Logger
  let onEvent: @Sendable (SchedulingEvent) -> Void
  private let wakeUps: AsyncStream<Void>
  let wakeUp: AsyncStream<Void>.Continuation

  var runners: [RunnerID: Runner] = [:]
  var loads: [RunnerKey: Load] = [:]
  /// Engines that are being stopped and still hold their memory.
  var ending: [RunnerID: Task<Void, Never>] = [:]
  /// Engines that finish what they have before they are stopped.
  var draining: [RunnerID: Task<Void, Never>] = [:]
  /// Why runners ended, for requests that were cut off. Bounded: only the latest counts.
  var lastExits: [RunnerID: ExitReport] = [:]
  /// Bounded, for listings.
  var failures: [FailedRunner] = []
  private var nextRunner: RunnerID = 0
  private var nextWaiter: UInt64 = 0
  var isShuttingDown = false

  /// - Parameters:
  ///   - settings: what users have set for models.
  ///   - idleTimeout: how long an engine stays after its last request when nobody has said anything else; nil for ever.
  ///   - maximumRunners: engines at a time, loading ones included.
  ///   - onEvent: hears of loads and ends of engines.
  package init(
    launcher: EngineLauncher, settings: SettingsStore, idleTimeout: Duration?, maximumRunners: Int, logger: Logger,
    onEvent: @escaping @Sendable (SchedulingEvent) -> Void = { _ in }
  ) {
    let (wakeUps, wakeUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    board = RunnerBoard(defaultKeepAlive: idleTimeout.map(KeepAlive.after) ?? .forever) { wakeUp.yield() }
    self.launcher = launcher
    self.settings = settings
    self.maximumRunners = maximumRunners
    self.logger = logger
    self.onEvent = onEvent
    (self.wakeUps, self.wakeUp) = (wakeUps, wakeUp)
  }

  // MARK: Requests

  /// A place at an engine for this model, which is loaded first when it must be.
  ///
  /// - Throws: ``SchedulingError``, what `prepare` throws, or `CancellationError`.
  package func lease(for model: RequestedModel, mode: EngineMode) async throws -> RunnerLease {
    let key = RunnerKey(model: model.id, mode: mode)
    while true {
      try Task.checkCancellation()
      retireRunners(of: key, otherThan: launchSettings(key, model.options))
      var lease = try await board.place(
        for: key, name: model.name, namesGeneration: model.namesGeneration,
        learnsName: model.options.contextSize == nil)
      if lease == nil { lease = try await load(model, key) }
      guard let lease else { continue }
      // The settings may have changed while the request waited.
      if let runner = runners[lease.runner], runner.launch != launchSettings(key, model.options) { continue }
      if let keepAlive = model.options.keepAlive { board.setKeepAlive(keepAlive, of: lease.runner) }
      return lease
    }
  }

  /// Loads a model that nobody waits for. Failures are logged.
  package func preload(_ model: RequestedModel, mode: EngineMode) async {
    do {
      try await lease(for: model, mode: mode).release()
    } catch {
      logger.warning(
        "not preloaded", metadata: ["model": "\(model.name)", "mode": "\(mode.rawValue)", "error": "\(error)"])
    }
  }

  /// The mode to load a model in when nobody says which: the one that it was configured for alone, else completion.
  package nonisolated func preferredMode(of model: Digest) -> EngineMode {
    let modes = settings.all.filter { $0.key.model == model }.map(\.key.mode)
    return modes.contains(.completion) ? .completion : modes.first ?? .completion
  }

  /// What an engine for this request is started with.
  func launchSettings(_ key: RunnerKey, _ options: RequestOptions) -> ModelSettings {
    var launch = settings.effective(key).launch
    if let contextSize = options.contextSize {
      launch.contextSize = contextSize
      launch.runtimeFlags = launch.runtimeFlags.map {
        RuntimeFlags.removing("--ctx-size", from: $0, for: .llamaCpp)
      }
    }
    return launch
  }

  /// Waits until the model's load has ended; starts one if none runs.
  ///
  /// - Returns: a place, or nil when the board may have one by now.
  private func load(_ model: RequestedModel, _ key: RunnerKey) async throws -> RunnerLease? {
    guard !isShuttingDown else { throw Self.shuttingDown }
    if loads[key] == nil {
      // It may have become ready since the board was asked.
      if runners.contains(where: { $0.value.key == key && draining[$0.key] == nil }) { return nil }
      try makeRoom(for: key)
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

  func newRunnerID() -> RunnerID {
    nextRunner += 1
    return nextRunner
  }

  /// Makes sure that one more engine may be started: ends the one that has been idle for longest.
  private func makeRoom(for key: RunnerKey) throws {
    // One that finishes its answers before this load begins does not count.
    let others = runners.filter { draining[$0.key] == nil || $0.value.key != key }
    guard others.count + loads.count >= maximumRunners else { return }
    for candidate in board.idleRunners() where runners[candidate.id] != nil && board.takeDown(candidate.id) {
      beginEnd(candidate.id, .evicted)
      return
    }
    throw SchedulingError(
      .overloaded,
      "all \(maximumRunners) runners are busy or to be kept for ever; try again later, unload one with `petrel unload`, "
        + "or raise `max-runners`")
  }

  // MARK: Idle engines

  /// Ends engines that have been idle for long enough. Runs until it is cancelled.
  package func run() async {
    var timer: Task<Void, Never>?
    for await _ in wakeUps {
      timer?.cancel()
      for runner in board.takeDownExpired() { beginEnd(runner, .idle) }
      guard let next = board.planSweep() else { continue }
      // Cancelled by the next round and at the end.
      timer = Task { [wakeUp] in
        try? await Task.sleep(until: next, clock: .continuous)
        if !Task.isCancelled { wakeUp.yield() }
      }
    }
    timer?.cancel()
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

  /// Names and keys of the models that are being loaded.
  package func loading() -> [(name: String, key: RunnerKey)] {
    loads.map { ($0.value.name, $0.key) }
  }

  /// Whether the model is loaded, or is being loaded.
  package func isInUse(_ model: Digest) -> Bool {
    runners.values.contains { $0.key.model == model } || loads.keys.contains { $0.model == model }
  }

  static var shuttingDown: SchedulingError { SchedulingError(.shuttingDown, "the daemon is shutting down") }
}
