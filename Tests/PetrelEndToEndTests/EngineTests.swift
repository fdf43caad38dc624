// SPDX-License-Identifier: Apache-2.0

import Foundation
import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// How engines are loaded, shared, given up and lost.
  @Suite struct EngineTests {
    @Test func oneEngineIsLoadedHoweverManyAsk() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<12 {
            group.addTask { try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 12))
        #expect(try await daemon.scratch.engines().count == 1)
        #expect(daemon.logLines("engine ready").count == 1)
      }
    }

    @Test func requestsAtTheSameTimeHaveTheWholeContextEach() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.petrel("configure", "--context-size", "512", Daemon.model).status == 0)
        let body = Ask.chat("Tell me about the fall of Rome.", #","ignore_eos":true,"max_tokens":400"#)
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<4 {
            group.addTask { try await daemon.curl("/v1/chat/completions", body: body).status }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == [200, 200, 200, 200])
        let shown = try await daemon.petrel("run", "--dry-run", Daemon.model)
        #expect(shown.output.contains("4 × 512 tokens"), "\(shown.output)")
      }
    }

    @Test func idleEngineIsUnloaded() async throws {
      try await Daemon.with(flags: ["--keep-alive", "1s"]) { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        try await eventually("the engine is gone") { try await daemon.scratch.engines().isEmpty }
        #expect(try await daemon.curl("/engines/ps").json == .array([]))
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
      }
    }

    @Test func generationEndsWhenTheClientLeaves() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000)) { stream in
          _ = try await stream.lines.first { $0.hasPrefix("data: ") }
          stream.send(.kill)
        }
        let metrics = try await eventually("the engine is idle") {
          let metrics = try await daemon.engineMetrics()
          return metrics["requests_processing"] == 0 ? metrics : nil
        }
        #expect(try #require(metrics["tokens_predicted_total"]) < 3900)
      }
    }

    @Test func engineThatEndsAtItsStartIsExplained() async throws {
      try await Scratch.with { scratch in
        try scratch.write(
          "#!/bin/sh\necho 'libcuda.so.1: cannot open shared object file' >&2\nexit 1\n", to: "bin/llama-server",
          executable: true)
        try await Daemon.with(in: scratch, environment: ["LLAMA_SERVER_PATH": scratch.folder.appending("bin").string]) {
          daemon in
          try await daemon.packageDemoModel()
          let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
          #expect(answer.status == 500)
          #expect(answer.contentType == "application/json")
          let error = try answer.json["error"]
          #expect(error.names.isSuperset(of: ["message", "type", "param", "code"]))
          #expect(try #require(error["message"].string).contains("libcuda.so.1: cannot open shared object file"))
          let run = try await daemon.petrel("run", Daemon.model, "Say hello")
          #expect(run.status == 1)
          #expect(run.output.isEmpty)
          #expect(run.errors.contains("libcuda.so.1: cannot open shared object file"))
        }
      }
    }

    @Test func missingEngineIsExplained() async throws {
      try await Daemon.with(environment: ["LLAMA_SERVER_PATH": "/nowhere"]) { daemon in
        try await daemon.packageDemoModel()
        let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
        #expect(answer.status == 500)
        #expect(try #require(try answer.json["error"]["message"].string).contains("/nowhere"))
      }
    }

    @Test func engineThatHangsAtItsStartIsGivenUp() async throws {
      try await Scratch.with { scratch in
        try scratch.write(
          "#!/bin/sh\necho $$ > \(scratch.folder)/pid\nexec sleep 600\n", to: "bin/llama-server", executable: true)
        let environment = [
          "LLAMA_SERVER_PATH": scratch.folder.appending("bin").string, "PETREL_LOAD_TIMEOUT": "1s",
        ]
        try await Daemon.with(in: scratch, environment: environment) { daemon in
          try await daemon.packageDemoModel()
          let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
          #expect(answer.status == 500 || answer.status == 504)
          let message = try #require(try answer.json["error"]["message"].string)
          #expect(message.contains("1") && message.contains("load"), "\(message)")
          #expect(try await daemon.curl("/engines/ps").json.elements.map { $0["failed"] } == [.bool(true)])
          let pid = try #require(Int32(scratch.read("pid").prefix { $0.isNumber }))
          try await eventually("the engine is gone") { !Processes.isAlive(pid) }
        }
      }
    }

    @Test func engineThatIsKilledInAnAnswerIsReportedAndReplaced() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let lines = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000)) { stream in
          var lines: [String] = []
          for try await line in stream.lines where line.hasPrefix("data: ") {
            if lines.isEmpty {
              for engine in try await daemon.scratch.engines() { Processes.send(.kill, to: engine) }
            }
            lines.append(line)
          }
          return lines
        }
        let last = try JSON(parsing: String(try #require(lines.last).dropFirst("data: ".count)))
        #expect(last["error"]["message"].isText)
        #expect(!lines.contains("data: [DONE]"))
        let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
        #expect(answer.status == 200)
        #expect(try await daemon.scratch.engines().count == 1)
      }
    }

    @Test func waitingRequestOutlivesTheClientThatCausedTheLoad() async throws {
      try await Scratch.with { scratch in
        // Slow to start, then the real one.
        let engine = scratch.setup.engine
        try scratch.write(
          """
          #!/bin/sh
          touch \(scratch.folder)/started
          until [ -e \(scratch.folder)/go ]; do sleep 0.05; done
          exec \(engine)/llama-server "$@"
          """, to: "bin/llama-server", executable: true)
        try await Daemon.with(in: scratch, environment: ["LLAMA_SERVER_PATH": scratch.folder.appending("bin").string]) {
          daemon in
          try await daemon.packageDemoModel()
          let second = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 5)) { first in
            try await eventually("the load began") { scratch.files(below: "").contains("started") }
            async let second = daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
            first.send(.kill)
            try scratch.write("", to: "go")
            return try await second
          }
          #expect(second.status == 200)
        }
      }
    }
  }
}

extension Daemon {
  /// The metrics of the first engine, without their prefix.
  fileprivate func engineMetrics() async throws -> [String: Double] {
    let sockets = ["run/1/e.sock", "run/1.sock"].map { scratch.home.appending($0).string }
    let socket = try #require(sockets.first(where: FileManager.default.fileExists))
    let text = try await scratch.run("curl", ["-sS", "--unix-socket", socket, "http://localhost/metrics"]).output
    let samples = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ") }
    return samples.reduce(into: [:]) { metrics, sample in
      if sample.count == 2 { metrics[String(sample[0]).replacing("llamacpp:", with: "")] = Double(sample[1]) }
    }
  }
}
