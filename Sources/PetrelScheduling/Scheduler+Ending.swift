// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelProcess

extension Scheduler {
  func runnerEnded(_ id: RunnerID, _ report: ExitReport) {
    guard let runner = removeRunner(id) else { return }
    board.takeDownEnded(id)
    launcher.forget(runner.engine.process, socket: runner.engine.socket)
    if lastExits.count >= 64 { lastExits.removeAll() }
    let failure = hung.remove(id) == nil ? LlamaCppFailure.classify(report) : Self.hangs
    lastExits[id] = failure
    defer { admitNext() }
    onEvent(SchedulingEvent(runner.key, name: runner.name, .ended(.crashed)))
    noteFailure(of: runner.key, runner.name, failure.summary, failure.kind)
    crashes.note(runner.key, failure.summary, failure.kind, now: .now)
    logger.error("engine ended", metadata: ["pid": "\(runner.engine.pid)", "reason": "\(failure.text)"])
  }

  private func removeRunner(_ id: RunnerID) -> Runner? {
    let runner = runners.removeValue(forKey: id)
    runner?.health?.cancel()
    return runner
  }

  private static let hangs = EngineFailure(
    .timedOut, "it did not answer any more and was ended; try again, and see `petrel logs` if it happens again")

  /// Ends a runner that is off the board.
  private func end(_ id: RunnerID) async {
    await beginEnd(id)?.value
  }

  /// Begins to end a runner that is off the board. Nil when it has ended.
  @discardableResult
  func beginEnd(_ id: RunnerID, _ reason: SchedulingEvent.End = .unloaded) -> Task<Void, Never>? {
    guard let runner = removeRunner(id) else { return ending[id] }
    let engine = runner.engine
    // It was loaded and did not fail.
    crashes.forget { $0 == runner.key }
    onEvent(SchedulingEvent(runner.key, name: runner.name, .ended(reason)))
    // Owned by `ending`; `shutDown` awaits it.
    let task = Task {
      await engine.process.stop(grace: .seconds(10))
      launcher.forget(engine.process, socket: engine.socket)
      logger.info("engine unloaded", metadata: ["pid": "\(engine.pid)"])
      ended(id)
    }
    ending[id] = task
    return task
  }

  /// The engine has given its memory back.
  func ended(_ id: RunnerID) {
    ending[id] = nil
    admitNext()
  }

  /// Ends a runner with its last answer. New requests do not find it any more.
  func drain(_ id: RunnerID) {
    guard draining[id] == nil, runners[id] != nil else { return }
    board.hide(id)
    // Ends with the runner's last request, or with the scheduler, which takes down all that is left.
    draining[id] = Task {
      await board.retire(id)
      await end(id)
      draining[id] = nil
    }
  }

  /// Ends a runner: at once when it is idle, else with its last answer.
  private func endSoon(_ id: RunnerID) {
    if board.takeDown(id) { beginEnd(id) } else { drain(id) }
  }

  /// Ends what serves `key` with other settings than these.
  func retireRunners(of key: RunnerKey, otherThan launch: ModelSettings) {
    for (id, runner) in runners where runner.key == key && runner.launch != launch && draining[id] == nil {
      endSoon(id)
    }
  }

  /// Why a runner ended, put into words; waits a moment for an exit that is about to be noticed.
  package func reasonForEnd(of id: RunnerID) async -> String {
    if let runner = runners[id], await ended(runner.engine.process, within: .seconds(2)) == false {
      return "the engine closed the connection"
    }
    await runners[id]?.watch.value
    return lastExits[id]?.text ?? "the engine was unloaded"
  }

  /// The kind of the failure that ended a runner; nil when there was none, or when it is not known any more.
  package func failureKind(of id: RunnerID) -> EngineFailure.Kind? {
    lastExits[id]?.kind
  }

  private func ended(_ process: ChildProcess, within limit: Duration) async -> Bool {
    guard let identity = ProcessIdentity(running: process.pid) else { return true }
    let deadline = ContinuousClock.now + limit
    while identity.isRunning, .now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
    return !identity.isRunning
  }

  // MARK: Unloading

  /// What ``unload(where:)`` has done.
  package struct Unloading: Sendable, Equatable {
    package var count = 0
    /// Names of models that stay because they are in use, or that end with their last answer.
    package var inUse: [String] = []
  }

  /// Ends idle runners, also those that are to be kept for ever, and loads for which nobody waits any more. Waits until
  /// their memory is free. Settings stay.
  ///
  /// - Parameter busyOnesToo: those in use take nothing new and end with their last answer; nobody waits for that.
  package func unload(
    busyOnesToo: Bool = false, where matches: @Sendable (RunnerKey, _ name: String) -> Bool
  ) async -> Unloading {
    var result = Unloading()
    var ends: [Task<Void, Never>] = []
    for (id, runner) in runners where matches(runner.key, runner.name) {
      if board.takeDown(id) {
        result.count += 1
        if let end = beginEnd(id) { ends.append(end) }
      } else {
        result.inUse.append(runner.name)
        if busyOnesToo { drain(id) }
      }
    }
    for (key, load) in loads where matches(key, load.name) {
      if load.waiters.isEmpty {
        giveUp(load, key)
        result.count += 1
        ends.append(load.task)
      } else {
        result.inUse.append(load.name)
        if busyOnesToo { loads[key]?.drainsWhenUp = true }
      }
    }
    for end in ends { await end.value }
    result.inUse.sort()
    return result
  }

  /// Ends the runners of all models: all have been removed, and what was set for them is forgotten.
  package func retireAll() async {
    for model in Set(runners.values.map(\.key.model) + loads.keys.map(\.model)) { await endRunners(of: model) }
    await forgetSettings { _ in true }
  }

  /// Ends the runners of a model that has been removed: idle ones before this returns, the others when their last answer
  /// is complete. New requests do not find them any more. What was set for the model is forgotten.
  package func retire(_ model: Digest) async {
    await endRunners(of: model)
    await forgetSettings { $0 == model }
  }

  private func endRunners(of model: Digest) async {
    var ends: [Task<Void, Never>] = []
    for (key, load) in loads where key.model == model {
      guard !load.waiters.isEmpty else {
        giveUp(load, key)
        ends.append(load.task)
        continue
      }
      // Ends with the load, which `shutDown` cancels.
      Task {
        await load.task.value
        await endRunners(of: model)
      }
    }
    for (id, runner) in runners where runner.key.model == model {
      if board.takeDown(id) { await end(id) } else { drain(id) }
    }
    for end in ends { await end.value }
  }

  private func forgetSettings(where isGone: @escaping @Sendable (Digest) -> Bool) async {
    do {
      try await settings.forget(where: isGone)
    } catch {
      logger.warning("the settings of a removed model can't be forgotten", metadata: ["error": "\(error)"])
    }
  }
}
