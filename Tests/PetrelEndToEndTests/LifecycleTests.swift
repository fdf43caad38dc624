// SPDX-License-Identifier: Apache-2.0

import Foundation
import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// Start, stop and death of the daemon.
  @Suite struct LifecycleTests {
    @Test func runningStreamFinishesWhenTheDaemonIsAskedToStop() async throws {
      try await Daemon.with(environment: ["PETREL_SHUTDOWN_GRACE": "60s"]) { daemon in
        try await daemon.packageDemoModel()
        let last = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 300)) { stream in
          var last = ""
          for try await line in stream.lines where !line.isEmpty {
            if last.isEmpty { Processes.send(.terminate, to: daemon.pid) }
            last = line
          }
          return last
        }
        #expect(last == "data: [DONE]")
      }
    }

    @Test func streamThatOutlastsTheGraceIsCutOff() async throws {
      try await Daemon.with(environment: ["PETREL_SHUTDOWN_GRACE": "100ms"]) { daemon in
        try await daemon.packageDemoModel()
        let lines = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000)) { stream in
          var lines: [String] = []
          for try await line in stream.lines {
            if lines.isEmpty { Processes.send(.terminate, to: daemon.pid) }
            lines.append(line)
          }
          return lines
        }
        #expect(!lines.contains("data: [DONE]"))
        try await eventually("the daemon ended") { !Processes.isAlive(daemon.pid) || daemon.log.contains("stopped") }
      }
    }

    @Test func nextDaemonEndsTheEnginesOfAKilledOne() async throws {
      try await Scratch.with { scratch in
        // Outside of a sandbox, which would end it with its daemon.
        let environment = ["PETREL_SANDBOX": "off"]
        let engine = try await Daemon.with(in: scratch, environment: environment, status: 137) { daemon in
          try await daemon.packageDemoModel()
          #expect(try await daemon.petrel("run", "--detach", Daemon.model).status == 0)
          let engine = try #require(try await scratch.engines().first)
          Processes.send(.kill, to: daemon.pid)
          return engine
        }
        try await Daemon.with(in: scratch) { daemon in
          try await eventually("the orphan is gone") { !Processes.isAlive(engine) }
          let answer = try await daemon.petrel("run", Daemon.model, "Say hello")
          #expect(answer.output.contains("Hello"))
        }
      }
    }

    @Test func secondDaemonOnTheSameSocketIsRefused() async throws {
      try await Daemon.with { daemon in
        let second = try await daemon.petrel("serve", "--port", "0")
        #expect(second.status == 1)
        #expect(second.errors.contains("another petrel daemon"))
        #expect(second.errors.contains(daemon.scratch.socket.string))
        #expect(try await daemon.curlSocket("/version").status == 200)
      }
    }

    @Test(arguments: [false, true]) func whatIsNoSocketIsNeitherReplacedNorRemoved(isFolder: Bool) async throws {
      try await Scratch.with { scratch in
        let path = scratch.folder.appending("thesis")
        try scratch.write("all of it", to: isFolder ? "thesis/chapter" : "thesis")
        let refused = try await scratch.petrel("serve", "--port", "0", "--socket", path.string)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("\(path) is there and is no socket"), "\(refused.errors)")
        let kept = isFolder ? path.appending("chapter") : path
        #expect(try String(contentsOfFile: kept.string, encoding: .utf8) == "all of it")
      }
    }

    @Test func secondDaemonOnTheSameStoreIsRefused() async throws {
      try await Daemon.with { daemon in
        let other = daemon.scratch.folder.appending("q").string
        let second = try await daemon.scratch.petrel("serve", "--port", "0", environment: ["PETREL_HOME": other])
        #expect(second.status == 1)
        #expect(second.errors.contains(daemon.scratch.models.string))
        #expect(!daemon.scratch.files(below: "q").contains("petrel.sock"))
      }
    }

    @Test func portInUseIsNamed() async throws {
      try await Daemon.with { daemon in
        let scratch = daemon.scratch
        let second = try await scratch.petrel(
          "serve", "--port", String(daemon.port),
          environment: [
            "PETREL_HOME": scratch.folder.appending("q").string, "MODELS_PATH": scratch.folder.appending("n").string,
          ])
        #expect(second.status == 1)
        #expect(second.errors.contains("127.0.0.1:\(daemon.port) is in use"))
        #expect(second.errors.contains("--port"))
      }
    }

    @Test func commandStartsADaemonInTheBackground() async throws {
      try await Scratch.with { scratch in
        try scratch.write("port: 0\n", to: "p/config.yaml")
        #expect(try await scratch.petrel("status").status == 1)
        let listed = try await scratch.petrel("list")
        let mark = "Started the petrel daemon (pid "
        let start = try #require(listed.errors.firstRange(of: mark), "\(listed.errors)")
        let pid = try #require(Int32(listed.errors[start.upperBound...].prefix { $0.isNumber }))
        #expect(listed.status == 0)
        #expect(try await scratch.petrel("status").status == 0)
        Processes.send(.terminate, to: pid)
        try await eventually("the daemon ended") { !Processes.isAlive(pid) }
      }
    }

    @Test func commandDoesNotStartADaemonThatIsNotWanted() async throws {
      try await Scratch.with { scratch in
        // A port on which nothing listens.
        let result = try await scratch.petrel(
          "list", environment: ["PETREL_NO_AUTOSTART": "1", "MODEL_RUNNER_PORT": "1"])
        #expect(result.status == 1)
        #expect(result.errors.contains("petrel serve"))
      }
    }

    @Test func wrongSettingStopsTheStart() async throws {
      try await Scratch.with { scratch in
        try scratch.write("keep-alive: soon\n", to: "p/config.yaml")
        let result = try await scratch.petrel("serve")
        #expect(result.status == 1)
        #expect(result.errors.contains("keep-alive is \"soon\""))
        #expect(result.errors.contains("config.yaml"))
      }
    }
  }
}
