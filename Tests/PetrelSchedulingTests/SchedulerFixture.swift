// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOPosix
import PetrelEngines
import PetrelMemory
import PetrelOCI
import PetrelProcess
import PetrelScheduling
import PetrelTestSupport
import SystemPackage

/// A scheduler whose engines are the fake program. `plan` says what an engine does.
struct SchedulerFixture: Sendable {
  let scheduler: Scheduler
  let folder: FilePath

  func model(_ name: String, _ plan: String = "") throws -> FakeModel {
    let path = folder.appending("\(name).gguf")
    try path.write(plan)
    return FakeModel(name: name, path: path)
  }

  func lease(_ model: FakeModel, mode: EngineMode = .completion) async throws -> RunnerLease {
    try await scheduler.lease(for: model.requested, mode: mode)
  }

  /// Files in the folder of sockets, which is also the one of orphan records.
  var runFiles: [String] { folder.appending("run").names }
}

struct FakeModel: Sendable {
  let name: String
  let path: FilePath
  var shape: ModelShape?

  var requested: RequestedModel {
    let id = Digest(of: Array(name.utf8))
    return RequestedModel(id: id, name: name) {
      var model = EngineModel(id: id, name: name, gguf: path)
      model.shape = shape
      return model
    } prepareDraft: { draft in
      DraftModel(gguf: path.removingLastComponent().appending("\(draft).gguf"))
    }
  }

  var key: RunnerKey { RunnerKey(model: requested.id, mode: .completion) }

  /// The command lines of all starts.
  var commandLines: [String] { FakeLlamaServer.commandLines(of: path) }

  var starts: [Int32] { FakeLlamaServer.starts(of: path) }

  var running: [Int32] { starts.filter { ProcessIdentity(running: $0) != nil } }

  /// Lets an engine with the plan `mute` answer nothing but 503 from now on.
  func silence() throws { try FilePath(path.string + ".mute").write("") }

  /// Lets an engine that waits for it become ready.
  func openGate() throws { try FilePath(path.string + ".go").write("") }
}

func withScheduler<Result>(
  idleTimeout: Duration? = nil, maximumRunners: Int = 4, loadTimeout: Duration = .seconds(120),
  limits: SchedulingLimits? = nil, memory: MemoryGauge = .blind,
  _ body: (SchedulerFixture) async throws -> Result
) async throws -> Result {
  try await withTemporaryFolder { folder in
    try FakeLlamaServer.install(in: folder.appending("bin"))
    try folder.appending("run/.keep").write("")
    try folder.appending("logs/.keep").write("")
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let launcher = EngineLauncher(
      engine: LlamaCpp(
        home: folder, environment: ["LLAMA_SERVER_PATH": folder.appending("bin").string, "PATH": "/usr/bin:/bin"]),
      group: MultiThreadedEventLoopGroup.singleton, socketDirectory: folder.appending("run"),
      logDirectory: folder.appending("logs"),
      orphans: OrphanRecords(directory: folder.appending("run"), logger: logger), loadTimeout: loadTimeout,
      logger: logger)
    let scheduler = Scheduler(
      launcher: launcher, settings: try SettingsStore(folder.appending("settings.json"), logger: logger),
      idleTimeout: idleTimeout, limits: limits ?? SchedulingLimits(maximumRunners: maximumRunners),
      memory: memory, logger: logger)
    let upkeep = Task { await scheduler.run() }
    func stop() async {
      await scheduler.shutDown()
      upkeep.cancel()
      await upkeep.value
    }
    do {
      let result = try await body(SchedulerFixture(scheduler: scheduler, folder: folder))
      await stop()
      return result
    } catch {
      await stop()
      throw error
    }
  }
}
