// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// An engine that takes requests and never answers.
  @Suite struct HangTests {
    @Test func anEngineThatHangsIsReplacedAndItsRequestsAreToldWhy() async throws {
      try await Daemon.with(environment: ["PETREL_HEALTH_INTERVAL": "100ms"]) { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        let engine = try #require(try await daemon.scratch.engines().first)
        let (lines, other) = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000)) {
          stream in
          var lines: [String] = []
          var other: Task<CurlAnswer, any Error>?
          for try await line in stream.lines where line.hasPrefix("data: ") {
            if lines.isEmpty {
              Processes.send(.suspend, to: engine)
              // The kernel accepts its connection; nobody reads from it.
              other = Task { try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")) }
            }
            lines.append(line)
          }
          return (lines, try await other?.value)
        }
        let last = try JSON(parsing: String(try #require(lines.last).dropFirst("data: ".count)))
        #expect(last["error"]["message"].string?.contains("did not answer any more") == true, "\(last)")
        #expect(last["error"]["reason"].string == "timed_out")
        #expect(!lines.contains("data: [DONE]"))
        let answer = try #require(other)
        #expect(answer.status == 500, "\(answer.body)")
        #expect(answer.body.contains("did not answer any more"), "\(answer.body)")
        try await eventually("the engine is gone") { !Processes.isAlive(engine) }
        let row = try await daemon.curl("/engines/ps").json[0]
        #expect(row["failed"] == .bool(true) && row["reason"].string == "timed_out")
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        #expect(try await daemon.scratch.engines().count == 1)
      }
    }

    @Test func aClientThatLeavesBeforeTheFirstByteGivesItsPlaceBack() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.petrel("configure", "--max-concurrent", "1", Daemon.model).status == 0)
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        let engine = try #require(try await daemon.scratch.engines().first)
        let before = try #require(try await daemon.engineMetric("tokens_predicted_total"))
        // So that no byte can come before the client has left.
        Processes.send(.suspend, to: engine)
        defer { Processes.send(.resume, to: engine) }
        try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000)) { stream in
          try await eventually("it has the place") {
            try await daemon.curl("/engines/ps").json[0]["in_use"] == .bool(true)
          }
          stream.send(.kill)
        }
        try await daemon.idle()
        Processes.send(.resume, to: engine)
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        try await eventually("the engine is idle") { try await daemon.engineMetric("requests_processing") == 0 }
        let after = try #require(try await daemon.engineMetric("tokens_predicted_total"))
        #expect(after - before < 3900, "the engine does not go on for nobody")
        #expect(try await daemon.scratch.engines() == [engine])
      }
    }

    @Test func theNextInLineGetsThePlaceOfAClientThatLeavesInTheMiddle() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.petrel("configure", "--max-concurrent", "1", Daemon.model).status == 0)
        let shown = try await daemon.petrel("configure", "show", Daemon.model).json
        #expect(shown[0]["Config"]["max-concurrent"].number == 1)
        let next = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 4000)) { stream in
          _ = try await stream.lines.first { $0.hasPrefix("data: ") }
          let next = Task {
            try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"), options: "-D", "-")
          }
          try await eventually("another one waits") {
            try await daemon.curl("/metrics").body.contains(#/petrel_queue_requests\{[^}]*\} 1\n/#)
          }
          stream.send(.kill)
          return try await next.value
        }
        #expect(next.status == 200, "\(next.body)")
        #expect(next.body.contains("X-Petrel-Queue-State: queued"), "\(next.body)")
        try await eventually("the engine is idle") { try await daemon.engineMetric("requests_processing") == 0 }
        #expect(try #require(try await daemon.engineMetric("tokens_predicted_total")) < 3900)
      }
    }
  }
}
