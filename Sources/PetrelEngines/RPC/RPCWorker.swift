// SPDX-License-Identifier: Apache-2.0

import PetrelProcess
import SystemPackage

/// llama.cpp's RPC worker: lends this machine's processors and GPUs to an engine on another one. Its protocol has no
/// authentication and no encryption.
package struct RPCWorker: Sendable {
  /// The port that llama.cpp's own worker has by default.
  package static let defaultPort: UInt16 = 50052
  /// Newer builds have the first name.
  private static let programs = ["ggml-rpc-server", "rpc-server"]

  private let engine: LlamaCpp
  private let sandbox: Sandbox

  package init(engine: LlamaCpp, sandbox: Sandbox) {
    self.engine = engine
    self.sandbox = sandbox
  }

  /// The worker beside the `llama-server` that is in use.
  ///
  /// - Throws: ``EngineError`` with code `notInstalled`.
  func locate() throws(EngineError) -> FilePath {
    let folder = try engine.locate().removingLastComponent()
    let candidates = Self.programs.map { folder.appending($0) }
    if let found = candidates.first(where: Executable.isRunnable) { return found }
    throw EngineError(
      .notInstalled,
      "\(folder) has no \(Self.programs[0]): this llama.cpp was built without RPC. Run `petrel install-runner --force`, "
        + "or build your own with -DGGML_RPC=ON")
  }

  /// Runs a worker until `stop` returns or the worker ends by itself.
  ///
  /// - Parameters:
  ///   - threads: nil leaves the number to the worker.
  ///   - onOutput: gets what it prints.
  /// - Returns: what it said last, when it has ended by itself; nil when it was stopped.
  /// - Throws: ``EngineError``.
  package func run(
    host: String, port: UInt16, threads: Int?, onOutput: @escaping @Sendable (UnsafeRawBufferPointer) -> Void,
    until stop: @escaping @Sendable () async -> Void
  ) async throws -> String? {
    var plan = ChildProcessPlan(
      executable: try locate(), arguments: ["--host", host, "--port", String(port)],
      environment: engine.childEnvironment())
    if let threads { plan.arguments += ["--threads", String(threads)] }
    if try await sandbox.isConfining() {
      var access = sandbox.access()
      access.usesNetwork = true
      plan = await sandbox.confine(plan, access)
    }
    let process: ChildProcess
    do {
      process = try await ChildProcess.launch(plan, onOutput: onOutput)
    } catch {
      throw EngineError(.launchFailed, "unable to start the worker: \(plan.executable): \(error)")
    }
    return await withTaskGroup(of: ExitReport?.self) { tasks in
      tasks.addTask { await process.exit() }
      tasks.addTask {
        await stop()
        return nil
      }
      let report = await tasks.next() ?? nil
      // The first task ends with the process, the second one by its cancellation.
      if report == nil { await process.stop(grace: .seconds(5)) }
      tasks.cancelAll()
      return report?.lastLines(3)
    }
  }
}
