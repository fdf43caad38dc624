// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOPosix
import PetrelOCI
import PetrelProcess
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelEngines

@Suite(.timeLimit(.minutes(10))) struct EngineLauncherTests {
  private func launch(
    _ plan: String, in folder: FilePath, loadTimeout: Duration = .seconds(120)
  ) async throws -> (launcher: EngineLauncher, engine: RunningEngine) {
    try FakeLlamaServer.install(in: folder.appending("bin"))
    return try await launch(plan: plan, in: folder, loadTimeout: loadTimeout)
  }

  /// With whatever is in `bin`.
  private func launch(
    plan: String = "", in folder: FilePath, loadTimeout: Duration = .seconds(120)
  ) async throws -> (launcher: EngineLauncher, engine: RunningEngine) {
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
      await engine.process.stop(grace: .seconds(60))
      launcher.forget(engine.process, socket: engine.socket)
      #expect(folder.appending("run").names == [".keep"])
      let log = try #require(folder.names.first { $0.hasSuffix("-completion.log") })
      #expect(folder.appending(log).text.hasPrefix("["))
      #expect(folder.appending(log).text.hasSuffix("Z] loading \(folder)/model.gguf\n"))
    }
  }

  @Test func `A line of any length holds no engine up, and its log stays small`() async throws {
    try await withTemporaryFolder { folder in
      let (_, engine) = try await launch("flood:100", in: folder, loadTimeout: .seconds(120))
      await engine.process.stop(grace: .seconds(60))
      let logs = folder.names.filter { $0.contains("-completion.log") }
      #expect(logs.count == 2)
      let text = logs.map { folder.appending($0).text }
      #expect(text.allSatisfy { $0.utf8.count <= 8 * 1_048_576 })
      #expect(text[0].hasSuffix("end of flood\n"))
    }
  }

  @Test(arguments: [
    (
      "exit:1:llama_model_load: error loading model: unknown model architecture: 'x'",
      EngineFailure.Kind.unsupportedModel
    ),
    ("exit:3:", .ended), ("signal:9", .killed), ("signal:11", .crashed), ("signal:4", .unsupportedCPU),
  ]) func `An engine that ends while it loads is classified`(plan: String, kind: EngineFailure.Kind) async throws {
    try await withTemporaryFolder { folder in
      let error = await #expect(throws: EngineError.self) { try await launch(plan, in: folder) }
      // One that is killed while it loads has probably taken too much.
      #expect(error?.code == (kind == .killed ? .outOfMemory : .exitedDuringLoad))
      #expect(error?.failure?.kind == kind)
      #expect(error?.message == error?.failure?.text)
    }
  }

  @Test(arguments: [
    ("#!/nowhere/interpreter\n", "bin/llama-server"), ("no program at all", "is no program for this machine"),
  ])
  func `A file that is no program is told as such`(content: String, words: String) async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("bin/llama-server").write(content, mode: 0o755)
      let error = await #expect(throws: EngineError.self) { try await launch(in: folder) }
      #expect(error?.code == .launchFailed)
      #expect(error?.failure?.kind == .notExecutable)
      #expect(error?.message.contains(words) == true)
    }
  }

  @Test func `A socket file that is in the way is replaced`() async throws {
    try await withTemporaryFolder { folder in
      try folder.appending("run/7.sock").write("left over")
      let (_, engine) = try await launch("", in: folder)
      await engine.process.stop(grace: .seconds(60))
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
        orphans: OrphanRecords(directory: folder, logger: logger), loadTimeout: .seconds(60), logger: logger)
      let model = EngineModel(id: Digest(of: []), name: "ai/x", gguf: "/m.gguf")
      let error = await #expect(throws: EngineError.self) {
        try await launcher.start(model, mode: .completion, slot: 1)
      }
      #expect(error?.code == .launchFailed)
      #expect(error?.message.contains("\(folder)/bin/llama-server") == true)
    }
  }
}
