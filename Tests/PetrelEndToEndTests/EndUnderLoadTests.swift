// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// The daemon's end while answers are given.
  @Suite struct EndUnderLoadTests {
    private static let clients = 8

    /// Asks for many streams at a time and calls `end` when an engine is as busy as it can be.
    ///
    /// - Returns: the last line of each stream.
    private func underLoad(
      _ daemon: Daemon, tokens: Int, end: @escaping @Sendable () -> Void
    ) async throws -> [String] {
      try await withThrowingTaskGroup(of: String?.self) { group in
        let begun = Tally()
        for _ in 0..<Self.clients {
          group.addTask {
            try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: tokens)) { stream in
              var last = ""
              for try await line in stream.lines where line.hasPrefix("data: ") {
                if last.isEmpty { begun.add() }
                last = line
              }
              return last
            }
          }
        }
        group.addTask {
          try await eventually("four answer, and four wait") {
            guard begun.value >= 4 else { return false }
            return try await daemon.curl("/metrics").body.contains(#/petrel_queue_requests\{[^}]*\} 4\n/#)
          }
          end()
          return nil
        }
        return try await group.reduce(into: []) { lines, line in if let line { lines.append(line) } }
      }
    }

    @Test func whatHasBeenAcceptedIsAnsweredBeforeTheEnd() async throws {
      try await Daemon.with(environment: ["PETREL_SHUTDOWN_GRACE": "100s"]) { daemon in
        try await daemon.packageDemoModel()
        let lasts = try await underLoad(daemon, tokens: 800) { Processes.send(.terminate, to: daemon.pid) }
        #expect(lasts == Array(repeating: "data: [DONE]", count: Self.clients))
        try await eventually("the daemon ended") { daemon.log.contains("stopped") }
        #expect(try await daemon.scratch.engines().isEmpty)
      }
    }

    @Test func aDaemonThatIsKilledUnderLoadLeavesNothingThatTheNextCannotMend() async throws {
      try await Scratch.with { scratch in
        // Outside of a sandbox, which would end the engine with its daemon.
        let environment = ["PETREL_SANDBOX": "off"]
        let engines = try await Daemon.with(in: scratch, environment: environment, status: 137) { daemon in
          try await daemon.packageDemoModel()
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
          let engines = try await scratch.engines()
          let lasts = try await underLoad(daemon, tokens: 4000) { Processes.send(.kill, to: daemon.pid) }
          #expect(!lasts.contains("data: [DONE]"))
          return engines
        }
        #expect(engines.count == 1)
        try await Daemon.with(in: scratch, environment: environment) { daemon in
          try await eventually("the orphan is gone") { !engines.contains(where: Processes.isAlive) }
          #expect(try await daemon.petrel("fsck").status == 0)
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
          #expect(try await daemon.petrel("requests").status == 0)
          #expect(try await scratch.engines().count == 1)
        }
      }
    }

    @Test func theLogOfADaemonInTheBackgroundStaysSmall() async throws {
      try await Scratch.with { scratch in
        // As large as it may be: a command that starts a daemon leaves it as it is.
        let old = String(repeating: String(repeating: "x", count: 127) + "\n", count: 64 * 1024)
        try scratch.write(old, to: "p/logs/daemon.log")
        let listed = try await scratch.petrel("list")
        #expect(listed.status == 0, "\(listed.errors)")
        let mark = "Started the petrel daemon (pid "
        let start = try #require(listed.errors.firstRange(of: mark), "\(listed.errors)")
        let pid = try #require(Int32(listed.errors[start.upperBound...].prefix { $0.isNumber }))
        try await eventually("a new file") {
          scratch.size(of: "p/logs/daemon.log") < 1024 * 1024
            && scratch.size(of: "p/logs/daemon.log.1") >= old.utf8.count
        }
        Processes.send(.terminate, to: pid)
        try await eventually("the daemon ended") { !Processes.isAlive(pid) }
        // What it printed afterwards is in the new one.
        #expect(scratch.read("p/logs/daemon.log").contains("stopped"))
      }
    }
  }
}
