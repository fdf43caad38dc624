// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import Testing

#if os(Linux)
  import Foundation
#endif

extension EndToEnd {
  /// Memory, queues, and what becomes of requests when engines are swapped, killed or hang.
  @Suite struct SchedulingTests {
    /// Different contexts make different models of the same weights.
    private static let models = ["swap/a", "swap/b", "swap/c"]
    /// One engine for the demo model takes about 40 MiB, and is expected to take 47.
    private static let roomForOne = ["PETREL_MEMORY_LIMIT": "60MiB"]

    private func package(_ daemon: Daemon) async throws {
      for (index, model) in Self.models.enumerated() {
        let packaged = try await daemon.petrel(
          "package", "--gguf", daemon.scratch.setup.weights, "--context-size", String(1024 + 256 * index), model)
        try #require(packaged.status == 0, "\(packaged.errors)")
      }
    }

    private func ask(_ daemon: Daemon, _ model: String) async throws -> CurlAnswer {
      try await daemon.curl(
        "/v1/chat/completions", body: Ask.chat("Say hello", model: model, #","max_tokens":4"#), options: "-D", "-")
    }

    @Test func memoryIsExplainedBeforeAndAfterTheLoad() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let dry = try await daemon.petrel("run", "--dry-run", "--json", Daemon.model)
        #expect(dry.status == 0, "\(dry.errors)")
        let report = try JSON(parsing: dry.output)
        #expect(report["verdict"].string == "fits")
        let estimate = try #require(report["estimate"]["total"].number)
        #expect(estimate > 40e6 && estimate < 90e6)
        let table = try await daemon.petrel("run", "--dry-run", Daemon.model)
        for word in ["weights", "kv-cache", "compute-buffers", "available", "it fits"] {
          #expect(table.output.contains(word), "\(table.output)")
        }
        #expect(try await daemon.scratch.engines().isEmpty)
        #expect(try await ask(daemon, Daemon.model).status == 200)
        for prefix in ["", "/exp/vDD4.40"] {
          let fit = try await daemon.curl("\(prefix)/engines/fit?model=\(Daemon.model)").json
          #expect(fit["verdict"].string == "loaded")
          let measured = try #require(fit["measured"].number)
          #expect(measured > 20e6 && measured < 100e6)
        }
        #expect(try await daemon.curl("/engines/ps").json[0]["memory"].number != nil)
      }
    }

    @Test func whatCannotFitIsRefusedWithNumbers() async throws {
      try await Daemon.with(environment: ["PETREL_MEMORY_LIMIT": "40MiB"]) { daemon in
        try await daemon.packageDemoModel()
        let answer = try await ask(daemon, Daemon.model)
        #expect(answer.status == 503)
        #expect(answer.body.contains("insufficient_memory"), "\(answer.body)")
        #expect(answer.body.contains("Retry-After: "), "\(answer.body)")
        #expect(answer.body.contains("40 MiB are free for it"), "\(answer.body)")
        #expect(answer.body.contains("--context-size"), "\(answer.body)")
        let option = try await daemon.curl("/engines/fit?model=\(Daemon.model)").json["would_fit"][0]
        let size = Int(try #require(option["context_size"].number))
        let set = try await daemon.petrel(
          "configure", "--no-preload", "--context-size", String(size), "--parallel", "1", Daemon.model, "--",
          "--cache-type-k", "q8_0", "--cache-type-v", "q8_0")
        #expect(set.status == 0, "\(set.errors)")
        let smaller = try await ask(daemon, Daemon.model)
        #expect(smaller.status == 200, "\(smaller.body)")
      }
    }

    @Test func swapStorm() async throws {
      try await Daemon.with(environment: Self.roomForOne) { daemon in
        try await package(daemon)
        let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
          for client in 0..<10 {
            group.addTask {
              var statuses: [Int] = []
              for round in 0..<3 {
                statuses.append(try await ask(daemon, Self.models[(client + round) % 3]).status)
              }
              return statuses
            }
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(statuses == Array(repeating: 200, count: 30))
        #expect(try await daemon.scratch.engines().count == 1)
        #expect(daemon.logLines("making room").count >= 2)
      }
    }

    @Test func enginesKilledInAnyStateAreReplaced() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        // Idle.
        #expect(try await ask(daemon, Daemon.model).status == 200)
        Processes.send(.kill, to: try #require(try await daemon.scratch.engines().first))
        try await eventually("its end is noticed") {
          let rows = try await daemon.curl("/engines/ps").json.elements
          return rows.map { $0["failed"] } == [.bool(true)]
        }
        #expect(try await ask(daemon, Daemon.model).status == 200)
        // In the middle of an answer.
        let engine = try #require(try await daemon.scratch.engines().first)
        try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000)) { stream in
          _ = try await stream.lines.first { $0.hasPrefix("data: ") }
          Processes.send(.kill, to: engine)
        }
        #expect(try await ask(daemon, Daemon.model).status == 200)
        // While it is being stopped, and while the next one loads.
        async let unloaded = daemon.petrel("unload", "--all")
        async let answer = ask(daemon, Daemon.model)
        for engine in try await daemon.scratch.engines() { Processes.send(.kill, to: engine) }
        _ = try await unloaded
        // The engine may have been killed under the request; then it says so.
        #expect([200, 500, 503].contains(try await answer.status))
        #expect(try await ask(daemon, Daemon.model).status == 200)
        #expect(try await daemon.scratch.engines().count == 1)
      }
    }

    #if os(Linux)
      /// Rounds over three models with room for one, and a client that leaves in each; `PETREL_SOAK_ROUNDS` has it go on
      /// for longer.
      @Test func soakLeavesNothingBehind() async throws {
        let rounds = ProcessInfo.processInfo.environment["PETREL_SOAK_ROUNDS"].flatMap { Int($0) } ?? 6
        try await Daemon.with(environment: Self.roomForOne) { daemon in
          try await package(daemon)
          func round() async throws {
            for model in Self.models {
              let answer = try await ask(daemon, model)
              #expect(answer.status == 200, "\(answer.body)")
            }
            try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000, model: Self.models[0])) {
              stream in
              _ = try await stream.lines.first { $0.hasPrefix("data: ") }
              stream.send(.kill)
            }
          }
          // The first rounds fill caches and pools.
          for _ in 0..<3 { try await round() }
          try await daemon.idle()
          let (filesBefore, memoryBefore) = (try daemon.openFiles(), try daemon.ownMemory())
          for _ in 0..<rounds { try await round() }
          try await daemon.idle()
          try await eventually("no descriptor is left over") { try daemon.openFiles() <= filesBefore + 4 }
          #expect(try daemon.ownMemory() < memoryBefore + 16 * 1024, "KiB")
          if ProcessInfo.processInfo.environment["PETREL_SOAK_ROUNDS"] != nil {
            print("files: \(filesBefore), \(try daemon.openFiles()); KiB: \(memoryBefore), \(try daemon.ownMemory())")
          }
          try await eventually("one engine is left") { try await daemon.scratch.engines().count == 1 }
        }
      }
    #endif
  }
}
