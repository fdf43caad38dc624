// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelProcess

extension Scheduler {
  /// Starts an engine as soon as those that are ending have given back their memory, and one with other settings for the
  /// same model has finished its answers.
  func startLoad(_ model: RequestedModel, _ key: RunnerKey) {
    let id = newRunnerID()
    let launcher = launcher
    let predecessors = draining.filter { runners[$0.key]?.key == key }.map(\.value) + Array(ending.values)
    // Owned by `loads`; `shutDown` cancels and awaits it.
    let task = Task {
      defer { withExtendedLifetime(model) {} }
      for predecessor in predecessors { await predecessor.value }
      do {
        try Task.checkCancellation()
        let started = ContinuousClock.now
        let launch = launchSettings(key, model.options)
        var files = try await model.prepare()
        if key.mode == .completion, let draft = launch.speculative?.draftModel, !draft.isEmpty {
          files.draft = try await model.prepareDraft(draft)
        }
        let engine = try await launcher.start(files, mode: key.mode, settings: launch, slot: id)
        await loadSucceeded(id, key, engine, launch, model, after: started.duration(to: .now))
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
    return EngineError(
      error.code, "\(reason)\n\n\(error.message)", failure: EngineFailure(.damagedModel, reason))
  }

  private func loadSucceeded(
    _ id: RunnerID, _ key: RunnerKey, _ engine: RunningEngine, _ launch: ModelSettings, _ model: RequestedModel,
    after duration: Duration
  ) async {
    guard !isShuttingDown else {
      await engine.process.stop(grace: .seconds(5))
      launcher.forget(engine.process, socket: engine.socket)
      loadFailed(key, Self.shuttingDown)
      return
    }
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
    runners[id] = Runner(key: key, name: model.name, engine: engine, launch: launch, watch: watch)
    let waiters = loads.removeValue(forKey: key)?.waiters.sorted { $0.key < $1.key }.map(\.value) ?? []
    let leases = board.putUp(
      id, key: key, socket: engine.socket, displayName: model.name,
      facts: RunnerFacts(properties: engine.properties, pid: engine.pid),
      keepAlive: model.options.keepAlive ?? settings.effective(key).keepAlive, takingPlaces: waiters.count)
    for (index, waiter) in waiters.enumerated() { waiter.resume(returning: index < leases.count ? leases[index] : nil) }
    wakeUp.yield()
  }

  /// The settings have changed during the load: those who wait get an engine with the new ones.
  private func loadAgain(_ id: RunnerID, _ key: RunnerKey, _ engine: RunningEngine, _ model: RequestedModel) {
    let launcher = launcher
    // Owned by `ending`; the next load and `shutDown` await it.
    ending[id] = Task {
      await engine.process.stop(grace: .seconds(10))
      launcher.forget(engine.process, socket: engine.socket)
      ending[id] = nil
    }
    let waiters = loads.removeValue(forKey: key)?.waiters ?? [:]
    startLoad(model, key)
    loads[key]?.waiters = waiters
  }

  private func loadFailed(_ key: RunnerKey, _ error: any Error) {
    let load = loads.removeValue(forKey: key)
    let failure: any Error =
      switch error {
      case let error as EngineError:
        SchedulingError(.loadFailed, "unable to load runner: \(error.message)", reason: error.failure?.kind)
      case is CancellationError: Self.shuttingDown
      default: error
      }
    if let load, !(error is CancellationError) { onEvent(SchedulingEvent(key, name: load.name, .loadFailed)) }
    noteFailure(of: key, load?.name ?? "", error)
    logger.error("engine not loaded", metadata: ["model": "\(load?.name ?? "")", "error": "\(failure)"])
    for waiter in load?.waiters.values ?? [:].values { waiter.resume(throwing: failure) }
  }
}
