// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PetrelAPI
import PetrelOCI
import PetrelProcess
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An engine that answers on its socket.
package struct RunningEngine: Sendable {
  package let process: ChildProcess
  /// Of the engine itself, which may have been started by a sandbox: that is ``process`` then.
  package let pid: Int32
  package let socket: FilePath
  package let properties: EngineProperties
}

/// Starts an engine process and waits until it is ready.
package struct EngineLauncher: Sendable {
  /// An engine that is ready is noticed within this time and the length of one probe.
  private static let probeInterval = Duration.milliseconds(5)

  let engine: LlamaCpp
  private let group: any EventLoopGroup
  private let sockets: EngineSockets
  private let logDirectory: FilePath
  private let orphans: OrphanRecords
  package let loadTimeout: Duration
  private let sandbox: Sandbox
  private let logger: Logger

  /// - Parameters:
  ///   - socketDirectory: private to this daemon, and short: a socket's path has at most 103 bytes on macOS.
  ///   - loadTimeout: how long a load may take before it counts as hanging.
  package init(
    engine: LlamaCpp, group: any EventLoopGroup, socketDirectory: FilePath, logDirectory: FilePath,
    orphans: OrphanRecords, loadTimeout: Duration, sandbox: Sandbox = Sandbox(mode: .off, environment: [:]),
    logger: Logger
  ) {
    self.engine = engine
    self.group = group
    sockets = EngineSockets(directory: socketDirectory)
    self.logDirectory = logDirectory
    self.orphans = orphans
    self.loadTimeout = loadTimeout
    self.sandbox = sandbox
    self.logger = logger
  }

  /// Returns when the engine is ready, and as it was asked for. On failure and on cancellation nothing is left running.
  ///
  /// - Parameter slot: a number that no other engine of this daemon has; it names the socket.
  /// - Throws: ``EngineError``, or `CancellationError`.
  package func start(
    _ model: EngineModel, mode: EngineMode, settings: ModelSettings = ModelSettings(),
    choice: MemoryChoice = MemoryChoice(),
    slot: UInt64
  ) async throws -> RunningEngine {
    let isConfined = try await sandbox.isConfining()
    let socket = try sockets.makeWay(slot, isConfined: isConfined)
    let launch = try engine.launchPlan(
      for: model, mode: mode, settings: settings, socket: socket, choice: choice, help: await engine.help(for: settings)
    )
    var plan = launch.process
    if isConfined { plan = await sandbox.confine(plan, access(to: model, socket: socket)) }
    let log = LineStamper(
      RotatingLog(path: logDirectory.appending("\(LlamaCpp.name)-\(model.id.short)-\(mode.rawValue).log")))
    let process: ChildProcess
    do {
      process = try await ChildProcess.launch(plan) { log.append($0) }
    } catch {
      sockets.remove(socket)
      throw EngineError(.launchFailed, LlamaCppFailure.notStarted("\(plan.executable)", error))
    }
    do {
      note(process)
      try await waitUntilReady(process, socket: socket)
      let properties = EngineProperties(props: await EngineQuery(socket: socket, group: group).get("/props"))
      try properties.check(asked: launch.contextSize, for: model)
      return RunningEngine(process: process, pid: process.workingPid, socket: socket, properties: properties)
    } catch {
      await process.stop(grace: .seconds(1))
      forget(process, socket: socket)
      throw error
    }
  }

  /// Ends what a daemon that was killed has left in the folder of sockets, which must be this daemon's now.
  package func sweep() {
    orphans.sweep()
    sockets.sweep()
  }

  /// Whether an engine may be started with these settings, as far as can be told without starting it.
  ///
  /// - Throws: ``EngineError`` with code `invalidSettings`.
  package func check(_ settings: ModelSettings, mode: EngineMode) async throws {
    try SettingsValidation.check(settings, mode: mode, for: .llamaCpp)
    try engine.checkFlags(settings, help: await engine.help(for: settings))
  }

  /// Whether the engine says that it is well.
  package func answers(_ engine: RunningEngine) async -> Bool {
    await HealthProbe(socket: engine.socket, group: group).isReady(timeout: .seconds(5))
  }

  /// Removes what is left of an engine that has ended.
  package func forget(_ process: ChildProcess, socket: FilePath) {
    orphans.remove(pid: process.pid)
    sockets.remove(socket)
  }

  private func access(to model: EngineModel, socket: FilePath) -> SandboxAccess {
    var access = sandbox.access(writable: socket.removingLastComponent())
    for file in [model.gguf, model.projector, model.chatTemplate, model.draft] {
      if let file { access.allow(folderOf: file) }
    }
    // Files that the user names in LLAMA_ARGS.
    for word in (try? engine.baseArguments()) ?? [] { access.allow(FilePath(word)) }
    return access
  }

  private func note(_ process: ChildProcess) {
    do {
      try orphans.add(pid: process.pid)
    } catch {
      logger.warning(
        "the engine can't be noted, and would be left behind if the daemon were killed", metadata: ["error": "\(error)"]
      )
    }
  }

  private func waitUntilReady(_ process: ChildProcess, socket: FilePath) async throws {
    let probe = HealthProbe(socket: socket, group: group)
    enum Outcome { case ready, exited(ExitReport), timedOut }
    let outcome = try await withThrowingTaskGroup(of: Outcome.self) { tasks in
      let exit = ExitWaiter(process)
      tasks.addTask { try await exit.wait().map(Outcome.exited) ?? .timedOut }
      tasks.addTask {
        while await !probe.isReady() { try await Task.sleep(for: Self.probeInterval) }
        return .ready
      }
      tasks.addTask { [loadTimeout] in
        try await Task.sleep(for: loadTimeout)
        return .timedOut
      }
      defer { tasks.cancelAll() }
      guard let first = try await tasks.next() else { throw CancellationError() }
      return first
    }
    switch outcome {
    case .ready: return
    case .exited(let report):
      let failure = LlamaCppFailure.classify(report)
      throw EngineError(failure.isWantOfMemory ? .outOfMemory : .exitedDuringLoad, failure)
    case .timedOut:
      let seconds = loadTimeout.components.seconds
      let sentence =
        "inference backend took too long to initialize: llama.cpp was not ready after \(seconds) s; `petrel logs` has "
        + "what it did, and `load-timeout` can be raised"
      throw EngineError(.loadTimedOut, sentence, failure: EngineFailure(.timedOut, sentence))
    }
  }
}

/// Waits for a process's end in a way that cancellation can interrupt: the process goes on.
private struct ExitWaiter: Sendable {
  private let reports: AsyncStream<ExitReport>

  init(_ process: ChildProcess) {
    let (reports, continuation) = AsyncStream.makeStream(of: ExitReport.self)
    self.reports = reports
    // Ends with the process, which its owner stops.
    Task {
      continuation.yield(await process.exit())
      continuation.finish()
    }
  }

  func wait() async throws -> ExitReport? {
    for await report in reports { return report }
    try Task.checkCancellation()
    return nil
  }
}
