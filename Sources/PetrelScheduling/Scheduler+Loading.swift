// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelMemory
import PetrelProcess

extension Scheduler {
  /// Starts an engine as soon as there is room for it, and one with other settings for the same model has finished its
  /// answers.
  func startLoad(_ model: RequestedModel, _ key: RunnerKey) {
    let id = newRunnerID()
    let predecessors = draining.filter { runners[$0.key]?.key == key }.map(\.value)
    // Owned by `loads`; `shutDown` cancels and awaits it.
    let task = Task {
      defer { withExtendedLifetime(model) {} }
      for predecessor in predecessors { await predecessor.value }
      do {
        try Task.checkCancellation()
        let started = ContinuousClock.now
        let launch = launchSettings(key, model.options)
        let prepared = try await prepare(model, mode: key.mode, launch)
        defer { withExtendedLifetime(prepared) {} }
        let admitted = try await admission(id, key, model.name, prepared.files, launch)
        let (engine, given) = try await start(id, key, prepared.files, launch, admitted)
        await loadSucceeded(id, key, engine, launch, model, given, after: started.duration(to: .now))
      } catch {
        // To look for the reason may take a while, in which nobody else has to wait.
        giveUpAdmission(id, key)
        loadFailed(id, key, await explained(error, model))
      }
    }
    loads[key] = Load(id: id, name: model.name, task: task)
  }

  /// Starts the engine. When it ends for want of memory, idle engines are ended and it is started once more, for one
  /// request at a time if nobody has said how many.
  ///
  /// - Returns: the engine, and what it really was given.
  private func start(
    _ id: RunnerID, _ key: RunnerKey, _ files: EngineModel, _ launch: ModelSettings, _ admitted: Admitted
  ) async throws -> (RunningEngine, Admitted) {
    do {
      let engine = try await launcher.start(
        files, mode: key.mode, settings: launch, choice: admitted.choice, slot: id)
      return (engine, admitted)
    } catch let error as EngineError where error.code == .outOfMemory {
      logger.warning(
        "an engine ended for want of memory, and is started once more", metadata: ["model": "\(files.name)"])
      var ends: [Task<Void, Never>] = []
      for candidate in board.idleRunners() where runners[candidate.id] != nil && board.takeDown(candidate.id) {
        evictions += 1
        if let end = beginEnd(candidate.id, .evicted) { ends.append(end) }
      }
      for end in ends { await end.value }
      try Task.checkCancellation()
      let choice = MemoryChoice(slots: 1, promptCache: .zero)
      let least = try leastDemand(launcher.demand(for: files, mode: key.mode, settings: launch))
      let engine = try await launcher.start(files, mode: key.mode, settings: launch, choice: choice, slot: id)
      return (engine, Admitted(choice: choice, estimate: files.estimate(least)?.total))
    }
  }

  struct PreparedModel: Sendable {
    var files: EngineModel
    /// As long as it lives, the draft model's files stay where they are.
    var draft: DraftModel?
  }

  nonisolated func prepare(
    _ model: RequestedModel, mode: EngineMode, _ launch: ModelSettings
  ) async throws -> PreparedModel {
    var prepared = PreparedModel(files: try await model.prepare())
    guard mode == .completion, let name = launch.speculative?.draftModel, !name.isEmpty else { return prepared }
    let draft = try await model.prepareDraft(name)
    prepared.files.draft = draft.gguf
    prepared.files.draftShape = draft.shape
    prepared.draft = draft
    return prepared
  }

  /// The engine knows that it could not load a model; the model's files may say why.
  private func explained(_ error: any Error, _ model: RequestedModel) async -> any Error {
    guard let error = error as? EngineError, error.code == .exitedDuringLoad || error.code == .launchFailed,
      let reason = await model.explainFailure?()
    else { return error }
    return EngineError(
      error.code, "\(reason)\n\n\(error.message)", failure: EngineFailure(.damagedModel, reason))
  }

  private func loadSucceeded(
    _ id: RunnerID, _ key: RunnerKey, _ engine: RunningEngine, _ launch: ModelSettings, _ model: RequestedModel,
    _ admitted: Admitted, after duration: Duration
  ) async {
    guard !isShuttingDown, loads[key]?.id == id else {
      await engine.process.stop(grace: .seconds(5))
      launcher.forget(engine.process, socket: engine.socket)
      loadFailed(id, key, Self.shuttingDown)
      return
    }
    admission.ended(id)
    if loadTimes.count >= 256 { loadTimes.removeAll() }
    loadTimes[key] = duration
    guard launch == launchSettings(key, model.options) else { return loadAgain(id, key, engine, model) }
    logger.info(
      "engine ready",
      metadata: [
        "model": "\(model.name)", "mode": "\(key.mode.rawValue)", "pid": "\(engine.pid)",
        "after": "\(duration)", "context": "\(engine.properties.contextSize.map(String.init) ?? "unknown")",
      ])
    onEvent(SchedulingEvent(key, name: model.name, .loaded(after: duration)))
    let watch = Task {
      let report = await engine.process.exit()
      runnerEnded(id, report)
    }
    failures.removeAll { $0.key == key }
    runners[id] = Runner(
      key: key, name: model.name, engine: engine, launch: launch, sharesCache: admitted.choice.sharesCache,
      watch: watch, estimate: admitted.estimate)
    measure(id)
    runners[id]?.health = Task { await watchHealth(of: id) }
    let load = loads.removeValue(forKey: key)
    let waiters = load?.line.map(\.waiter.continuation) ?? []
    let leases = board.putUp(
      id, key: key, socket: engine.socket, displayName: model.name,
      facts: RunnerFacts(properties: engine.properties, pid: engine.pid),
      keepAlive: model.options.keepAlive ?? settings.effective(key).keepAlive,
      limit: settings.effective(key).maximumConcurrency, takingPlaces: waiters.count)
    for (index, waiter) in waiters.enumerated() { waiter.resume(returning: index < leases.count ? leases[index] : nil) }
    if load?.drainsWhenUp == true {
      // Those for whom there is no place yet still have to find the runner.
      if leases.count == waiters.count { drain(id) } else { board.setKeepAlive(.after(.zero), of: id) }
    }
    admitNext()
    wakeUp.yield()
  }

  /// The settings have changed during the load: those who wait get an engine with the new ones.
  private func loadAgain(_ id: RunnerID, _ key: RunnerKey, _ engine: RunningEngine, _ model: RequestedModel) {
    let launcher = launcher
    // Owned by `ending`; `shutDown` awaits it.
    ending[id] = Task {
      await engine.process.stop(grace: .seconds(10))
      launcher.forget(engine.process, socket: engine.socket)
      ended(id)
    }
    let old = loads.removeValue(forKey: key)
    startLoad(model, key)
    loads[key]?.waiters = old?.waiters ?? [:]
    loads[key]?.drainsWhenUp = old?.drainsWhenUp ?? false
  }

  private func loadFailed(_ id: RunnerID, _ key: RunnerKey, _ error: any Error) {
    admission.ended(id)
    abandoned[id] = nil
    defer { admitNext() }
    // Another load of the model may have begun after this one was given up.
    guard loads[key]?.id == id, let load = loads.removeValue(forKey: key) else { return }
    let failure: any Error =
      switch error {
      case let error as EngineError:
        SchedulingError(.loadFailed, "unable to load runner: \(error.message)", reason: error.failure?.kind)
      case is CancellationError: Self.shuttingDown
      default: error
      }
    if !(error is CancellationError) { onEvent(SchedulingEvent(key, name: load.name, .loadFailed)) }
    noteFailure(of: key, load.name, error)
    logger.error("engine not loaded", metadata: ["model": "\(load.name)", "error": "\(failure)"])
    for waiter in load.waiters.values { waiter.continuation.resume(throwing: failure) }
  }
}
