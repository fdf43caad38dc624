// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOPosix
import PetrelOCI
import PetrelProcess
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelEngines

@Suite(.timeLimit(.minutes(1))) struct EngineLauncherTests {
  private func launch(
    _ plan: String, in folder: FilePath, loadTimeout: Duration = .seconds(20)
  ) async throws -> (launcher: EngineLauncher, engine: RunningEngine) {
    try FakeLlamaServer.install(in: folder.appending("bin"))
    try folder.appending("run/.keep").write("")
    try folder.appending("model.gguf").write(plan)
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let launcher = EngineLauncher(
      engine: LlamaCpp(
        home: folder, environment: ["LLAMA_SERVER_PATH": folder.appending("bin").string, "PATH": "/usr/bin:/bin"]),
      group: MultiThreadedEventLoopGroup.singleton, socketDirectory: folder.appending("run"), logDirectory: folder,
      orphans: OrphanRecords(directory: folder.appending("run"), logger: logger), loadTimeout: loadTimeout,
      logger: logger)
    let model = EngineModel(id: Digest(of: []), name: "ai/x", gguf: folder.appending("model.gguf"))
    return (launcher, try await launcher.start(model, mode: .completion, slot: 7))
  }

  private func pid(_ folder: FilePath) -> Int32? { FakeLlamaServer.starts(of: folder.appending("model.gguf")).first }

  @Test func `A started engine answers, is recorded and logged, and leaves nothing behind`() async throws {
    try await withTemporaryFolder { folder in
      let (launcher, engine) = try await launch("", in: folder)
      #expect(engine.socket == folder.appending("run/7.sock"))
      #expect(pid(folder) == engine.process.pid)
      #expect(folder.appending("run").names == [".keep", "\(engine.process.pid).json", "7.sock"].sorted())
      await engine.process.stop(grace: .seconds(5))
      launcher.forget(engine.process, socket: engine.socket)
      #expect(folder.appending("run").names == [".keep"])
      let log = try #require(folder.names.first { $0.hasSuffix("-completion.log") })
      #expect(folder.appending(log).text.hasPrefix("["))
      #expect(folder.appending(log).text.hasSuffix("Z] loading \(folder)/model.gguf\n"))
    }
  }

  @Test func `A socket file that is in the way is replaced`() async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("run/7.sock").write("left over")
      let (_, engine) = try await launch("", in: folder)
      await engine.process.stop(grace: .seconds(5))
    }
  }

  @Test func `Sockets that a killed daemon left are removed, and nothing else`() async throws {
    try await withTemporaryFolder { folder in
      for name in ["7.sock", "3/e.sock", "api.sock", "engines/7.json"] { try folder.appending(name).write("") }
      EngineSockets(directory: folder).sweep()
      #expect(folder.names == ["api.sock", "engines"])
    }
  }

  @Test func `An engine that ignores the request to end is killed when its load is given up`() async throws {
    try await withTemporaryFolder { folder in
      let error = await #expect(throws: EngineError.self) {
        try await launch("never-listen ignore-term", in: folder, loadTimeout: .milliseconds(200))
      }
      #expect(error?.code == .loadTimedOut)
      #expect(pid(folder).flatMap(ProcessIdentity.init(running:)) == nil)
      #expect(folder.appending("run").names == [".keep"])
    }
  }

  @Test func `Cancelling a load ends its engine`() async throws {
    try await withTemporaryFolder { folder in
      let loading = Task { try await launch("gate", in: folder) }
      try await eventually("the engine runs") { pid(folder) != nil }
      loading.cancel()
      await #expect(throws: CancellationError.self) { try await loading.value }
      #expect(pid(folder).flatMap(ProcessIdentity.init(running:)) == nil)
      #expect(folder.appending("run").names == [".keep"])
    }
  }

  @Test func `A program that can't be run is told by its path`() async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("bin/llama-server").write("#!/nowhere/interpreter\n", mode: 0o755)
      let engine = LlamaCpp(home: folder, environment: ["LLAMA_SERVER_PATH": folder.appending("bin").string])
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      let launcher = EngineLauncher(
        engine: engine, group: MultiThreadedEventLoopGroup.singleton, socketDirectory: folder, logDirectory: folder,
        orphans: OrphanRecords(directory: folder, logger: logger), loadTimeout: .seconds(5), logger: logger)
      let model = EngineModel(id: Digest(of: []), name: "ai/x", gguf: "/m.gguf")
      let error = await #expect(throws: EngineError.self) {
        try await launcher.start(model, mode: .completion, slot: 1)
      }
      #expect(error?.code == .launchFailed)
      #expect(error?.message.contains("\(folder)/bin/llama-server") == true)
    }
  }
}
