// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelMemory
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
    /// Whether its slots share one context.
    let sharesCache: Bool
    /// Reports the end of the process to the scheduler.
    let watch: Task<Void, Never>
    /// Ends the engine when it hangs. Cancelled when the runner is taken down.
    var health: Task<Void, Never>?
    /// What it was expected to take, and what it takes as far as that has been measured.
    var estimate: ByteCount?
    var memory: ProcessMemory?

    var measured: ByteCount? { memory.map { ByteCount($0.total) } }

    /// What comes back when it ends.
    var held: ByteCount { measured ?? estimate ?? .zero }
  }

  struct Load {
    /// Names the runner that it will become.
    let id: RunnerID
    let name: String
    let task: Task<Void, Never>
    /// The memory that its engine will take, from when it may be started.
    var promised = ByteCount.zero
    var waiters: [UInt64: LoadWaiter] = [:]
    /// Whether its runner leaves memory when those who wait for it have been served.
    var drainsWhenUp = false
    /// Whether it was given up after it had been admitted: its engine may still hold memory.
    var isEnding = false

    /// Whether nobody waits but for batch work.
    var isForBatch: Bool { !waiters.isEmpty && waiters.values.allSatisfy(\.order.isBatch) }

    /// In the order in which they go.
    var line: [(id: UInt64, waiter: LoadWaiter)] {
      waiters.map { ($0.key, $0.value) }.sorted { ($0.1.order.instant, $0.0) < ($1.1.order.instant, $1.0) }
    }
  }

  struct LoadWaiter {
    let order: WaitingOrder
    /// Resumed with a place, or with nil when the place has to be looked for anew.
    let continuation: CheckedContinuation<RunnerLease?, any Error>
  }

  package nonisolated let board: RunnerBoard
  package nonisolated let settings: SettingsStore
  let launcher: EngineLauncher
  let memory: MemoryGauge
  let limits: SchedulingLimits
  let logger: Logger
  let onEvent: @Sendable (SchedulingEvent) -> Void
  private let wakeUps: AsyncStream<Void>
  let wakeUp: AsyncStream<Void>.Continuation

  var runners: [RunnerID: Runner] = [:]
  var loads: [RunnerKey: Load] = [:]
  /// Which of the loads may start their engines.
  var admission: Admission
  var pending: [RunnerID: PendingLoad] = [:]
  /// Idle runners when the rules were asked last.
  var seenIdle: Set<RunnerID> = []
  /// When to ask them again.
  private var nextAdmission: ContinuousClock.Instant?
  /// Runners that were ended for others, so far.
  package internal(set) var evictions = 0
  /// Engines that are being stopped and still hold their memory.
  var ending: [RunnerID: Task<Void, Never>] = [:]
  /// Engines that finish what they have before they are stopped.
  var draining: [RunnerID: Task<Void, Never>] = [:]
  /// Engines that were ended because they did not answer any more.
  var hung: Set<RunnerID> = []
  /// How long loads of models took last.
  var loadTimes: [RunnerKey: Duration] = [:]
  /// Loads that were given up and have not ended yet.
  var abandoned: [RunnerID: Load] = [:]
  /// Why runners ended, for requests that were cut off. Bounded: only the latest counts.
  var lastExits: [RunnerID: EngineFailure] = [:]
  /// Bounded, for listings.
  var failures: [FailedRunner] = []
  var crashes = CrashHistory()
  private var nextRunner: RunnerID = 0
  private var nextWaiter: UInt64 = 0
  var isShuttingDown = false

  /// - Parameters:
  ///   - settings: what users have set for models.
  ///   - idleTimeout: how long an engine stays after its last request when nobody has said anything else; nil for ever.
  ///   - memory: where to learn how much there is.
  ///   - onEvent: hears of loads and ends of engines.
  package init(
    launcher: EngineLauncher, settings: SettingsStore, idleTimeout: Duration?, limits: SchedulingLimits,
    memory: MemoryGauge = .blind, logger: Logger, onEvent: @escaping @Sendable (SchedulingEvent) -> Void = { _ in }
  ) {
    let (wakeUps, wakeUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    board = RunnerBoard(
      defaultKeepAlive: idleTimeout.map(KeepAlive.after) ?? .forever, maximumWaiters: limits.maximumQueue
    ) { wakeUp.yield() }
    self.launcher = launcher
    self.settings = settings
    self.memory = memory
    self.limits = limits
    admission = Admission(
      limits: Admission.Limits(
        engines: limits.maximumRunners, patience: limits.patience, maximumWait: limits.queueTimeout))
    self.logger = logger
    self.onEvent = onEvent
    (self.wakeUps, self.wakeUp) = (wakeUps, wakeUp)
  }

  // MARK: Requests

  /// A place at an engine for this model, which is loaded first when it must be.
  ///
  /// - Parameter ticket: shows what the request waits for.
  /// - Throws: ``SchedulingError``, what `prepare` throws, or `CancellationError`.
  package func lease(
    for model: RequestedModel, mode: EngineMode, ticket: WaitingTicket? = nil
  ) async throws -> RunnerLease {
    let key = RunnerKey(model: model.id, mode: mode)
    let order = WaitingOrder(priority(of: model, key))
    let limit = limits.queueTimeout + launcher.loadTimeout
    return try await withDeadline(limit) {
      try await self.lease(for: model, key, order, ticket)
    } orThrow: {
      SchedulingError(
        .overloaded, "\(model.name) was not free for \(limit.components.seconds) s; try again later",
        retryAfter: .seconds(30))
    }
  }

  private func priority(of model: RequestedModel, _ key: RunnerKey) -> ModelSettings.Priority {
    model.options.priority ?? settings.effective(key).priority ?? .interactive
  }

  private func lease(
    for model: RequestedModel, _ key: RunnerKey, _ order: WaitingOrder, _ ticket: WaitingTicket?
  ) async throws -> RunnerLease {
    var hasWaited = false
    while true {
      try Task.checkCancellation()
      retireRunners(of: key, otherThan: launchSettings(key, model.options))
      var lease = try await board.place(
        for: key, name: model.name, namesGeneration: model.namesGeneration,
        learnsName: model.options.contextSize == nil, order: order, isAccepted: hasWaited, ticket: ticket)
      if lease == nil {
        lease = try await load(model, key, order, ticket)
        hasWaited = true
      }
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
  private func load(
    _ model: RequestedModel, _ key: RunnerKey, _ order: WaitingOrder, _ ticket: WaitingTicket?
  ) async throws -> RunnerLease? {
    guard !isShuttingDown else { throw Self.shuttingDown }
    if loads[key] == nil {
      // It may have become ready since the board was asked.
      if runners.contains(where: { $0.value.key == key && draining[$0.key] == nil }) { return nil }
      if let refusal = crashes.refusal(key, now: .now) { throw Self.pausing(model.name, refusal) }
      startLoad(model, key)
    }
    let limit = RunnerBoard.placesPerRunner + limits.maximumQueue
    guard let waiting = loads[key]?.waiters.count, waiting < limit else {
      throw SchedulingError(.overloaded, "\(limit) requests wait for \(model.name) already; try again later")
    }
    nextWaiter += 1
    let waiter = nextWaiter
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        guard !Task.isCancelled, let id = loads[key]?.id else {
          continuation.resume(with: Task.isCancelled ? .failure(CancellationError()) : .success(nil))
          return
        }
        loads[key]?.waiters[waiter] = LoadWaiter(order: order, continuation: continuation)
        let phase: QueueStanding.Phase = pending[id] == nil ? .loading : .waitingForRoom
        let ahead = loads[key]?.line.firstIndex { $0.id == waiter } ?? waiting
        let time = loadTimes[key]
        ticket?.report { QueueStanding(phase: phase, ahead: ahead, estimatedWait: time) }
        noteWaiters(of: key)
      }
    } onCancel: {
      // Ends at once; nobody needs to wait for it.
      Task { await cancelWaiter(waiter, key) }
    }
  }

  /// A load goes on without those who asked for it, once its engine may start. Before that it only takes a turn from
  /// others.
  private func cancelWaiter(_ waiter: UInt64, _ key: RunnerKey) {
    guard let left = loads[key]?.waiters.removeValue(forKey: waiter) else { return }
    left.continuation.resume(throwing: CancellationError())
    guard let load = loads[key], load.waiters.isEmpty, pending[load.id] != nil else { return noteWaiters(of: key) }
    giveUp(load, key)
  }

  /// Ends a load for which nobody waits. What it was promised stays taken until it has ended.
  func giveUp(_ load: Load, _ key: RunnerKey) {
    loads[key] = nil
    load.task.cancel()
    var load = load
    // From now on it counts among those that end.
    load.isEnding = admission.ended(load.id)
    abandoned[load.id] = load
  }

  func newRunnerID() -> RunnerID {
    nextRunner += 1
    return nextRunner
  }

  // MARK: Idle engines

  /// Ends engines that have been idle for long enough. Runs until it is cancelled.
  package func run() async {
    var timer: Task<Void, Never>?
    for await _ in wakeUps {
      timer?.cancel()
      for runner in board.takeDownExpired() { beginEnd(runner, .idle) }
      nextAdmission = admit()
      let sweep = board.planSweep(wantsIdle: !admission.waiting.isEmpty)
      guard let next = [sweep, nextAdmission].compactMap(\.self).min() else { continue }
      // Cancelled by the next round and at the end.
      timer = Task { [wakeUp] in
        try? await Task.sleep(until: next, clock: .continuous)
        if !Task.isCancelled { wakeUp.yield() }
      }
    }
    timer?.cancel()
  }

  /// Lets the rules of ``Admission`` decide anew; ``run()`` does so again when the time comes.
  func admitNext() {
    let time = admit()
    guard time != nextAdmission else { return }
    nextAdmission = time
    wakeUp.yield()
  }

  /// Ends everything: whoever waits is told at once, loads are cancelled, engines stopped side by side. Nothing is
  /// started afterwards.
  package func shutDown() async {
    isShuttingDown = true
    wakeUp.finish()
    for key in Array(loads.keys) {
      loads[key]?.task.cancel()
      let waiters = loads[key]?.waiters.values.map(\.continuation) ?? []
      loads[key]?.waiters = [:]
      for waiter in waiters { waiter.resume(throwing: Self.shuttingDown) }
    }
    for id in Array(runners.keys) {
      board.takeDownEnded(id, telling: Self.shuttingDown)
      beginEnd(id)
    }
    for load in loads.values { await load.task.value }
    for load in abandoned.values { await load.task.value }
    for end in ending.values { await end.value }
  }

  /// Names and keys of the models that are being loaded.
  package func loading() -> [(name: String, key: RunnerKey)] {
    loads.map { ($0.value.name, $0.key) }
  }

  /// Loads that wait for memory or for a place among the engines.
  package var waitingForRoom: Int { admission.waiting.count }

  /// Whether the model is loaded, or is being loaded.
  package func isInUse(_ model: Digest) -> Bool {
    runners.values.contains { $0.key.model == model } || loads.keys.contains { $0.model == model }
  }

  static var shuttingDown: SchedulingError { SchedulingError(.shuttingDown, "the daemon is shutting down") }
}
