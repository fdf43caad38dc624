// SPDX-License-Identifier: Apache-2.0

import Foundation
import Subprocess
import SystemPackage
import Testing

private struct PortTaken: Error {}

extension EndToEnd {
  /// A model over several processes. An engine that was built without RPC has no workers.
  @Suite(
    .enabled("the engine has a worker for RPC") {
      guard let folder = try? Setup().engine else { return false }
      return FileManager.default.isExecutableFile(atPath: "\(folder)/ggml-rpc-server")
    })
  struct RPCTests {
    /// Calls `body` with the port of a worker that listens. The port may be taken by another program in the moment
    /// between choosing and using it, so there are some tries.
    private func withWorker<Result: Sendable>(
      in scratch: Scratch, log: String, _ body: @escaping @Sendable (UInt16) async throws -> Result
    ) async throws -> Result {
      for _ in 0..<5 {
        let port = try #require(Ports.free())
        do {
          let (result, _) = try await Program.withService(
            scratch.setup.petrel, ["rpc-worker", "--port", String(port), "--threads", "1"],
            environment: scratch.environment, log: scratch.folder.appending(log),
            stop: { Processes.send(.terminate, to: $0) }
          ) { pid in
            try await eventually(
              "the worker listens",
              holds: {
                guard Processes.isAlive(pid) else { throw PortTaken() }
                return Ports.answers(port)
              })
            return try await body(port)
          }
          return result
        } catch is PortTaken {
          continue
        }
      }
      throw PortTaken()
    }

    private func answer(_ daemon: Daemon) async throws -> String {
      let answer = try await daemon.curl(
        "/v1/chat/completions", body: Ask.chat("Give me a fact about whales.", #","max_tokens":40"#))
      #expect(answer.status == 200, "\(answer.body)")
      return try #require(try answer.json["choices"][0]["message"]["content"].string)
    }

    @Test func twoWorkersAnswerAsOneProcessDoes() async throws {
      try await Scratch.with { scratch in
        try await Daemon.with(in: scratch) { daemon in
          try await daemon.packageDemoModel()
          let alone = try await answer(daemon)
          #expect(alone.count > 20)
          try await withWorker(in: scratch, log: "first.log") { first in
            try await withWorker(in: scratch, log: "second.log") { second in
              let workers = "127.0.0.1:\(first),127.0.0.1:\(second)"
              let configured = try await daemon.petrel("configure", "--rpc", workers, "--no-preload", Daemon.model)
              #expect(configured.status == 0, "\(configured.errors)")
              #expect(try await answer(daemon) == alone)
              for log in ["first.log", "second.log"] {
                try await eventually("the worker had a client") { scratch.read(log).contains("Accepted client") }
              }
              #expect(try await daemon.petrel("unload", "--all").status == 0)
            }
          }
          // The workers are gone: no answer is made up.
          let failed = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
          #expect(failed.status == 500)
          #expect(try await daemon.petrel("configure", "--rpc", "", "--no-preload", Daemon.model).status == 0)
          #expect(try await answer(daemon) == alone)
        }
      }
    }

    @Test func workersThatAreNoAddressesAreRefused() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        for worker in ["--model:1", "host", "a:1:2", "/etc/passwd:1"] {
          let refused = try await daemon.petrel("configure", "--rpc=\(worker)", "--no-preload", Daemon.model)
          #expect(refused.status == 1)
          #expect(refused.errors.contains("HOST:PORT"), "\(refused.errors)")
        }
        let flag = try await daemon.petrel("configure", Daemon.model, "--", "--rpc", "a:1")
        #expect(flag.errors.contains("is not allowed"))
      }
    }

    @Test func workerWarnsOfNetworksAndTakesNoFlagForAHost() async throws {
      try await Scratch.with { scratch in
        let refused = try await scratch.petrel("rpc-worker", "--host=--cache")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("--host is"))
        let missing = try await scratch.petrel(
          "rpc-worker", "--host", "0.0.0.0", environment: ["LLAMA_SERVER_PATH": "/nowhere"])
        #expect(missing.status == 1)
        #expect(missing.errors.contains("no authentication"))
        #expect(missing.errors.contains("/nowhere"))
      }
    }
  }
}
