// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Testing

extension EndToEnd {
  /// What is kept of requests.
  @Suite struct RecordTests {
    private func records(_ daemon: Daemon, atLeast count: Int) async throws -> [JSON] {
      try await eventually("\(count) are recorded") {
        let groups = try await daemon.petrel("requests", "--limit", "100").json.elements
        let records = groups.first?["records"].elements ?? []
        return records.count >= count ? records : nil
      }
    }

    @Test func recordsSurviveTheDaemonWhateverItsEnd() async throws {
      try await Scratch.with { scratch in
        try await Daemon.with(in: scratch, status: 137) { daemon in
          try await daemon.packageDemoModel()
          let body = Ask.chat("Say hello", #","password":"geheim""#)
          #expect(try await daemon.curl("/v1/chat/completions", body: body).status == 200)
          _ = try await records(daemon, atLeast: 1)
          Processes.send(.kill, to: daemon.pid)
        }
        try await Daemon.with(in: scratch, environment: ["PETREL_RECORD_REQUESTS": "without-bodies"]) { daemon in
          let first = try #require(try await records(daemon, atLeast: 1).first)
          #expect(first["request"].string?.contains(#""password":"[redacted]""#) == true)
          #expect(first["response"].string?.contains("Hello") == true)
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
          let both = try await records(daemon, atLeast: 2)
          #expect(both[0]["id"] == first["id"])
          #expect(both[1]["request"].string == "" && both[1]["status_code"].number == 200)
        }
        // Answered, but not recorded.
        try await Daemon.with(in: scratch, environment: ["PETREL_RECORD_REQUESTS": "off"]) { daemon in
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
          #expect(try await records(daemon, atLeast: 2).count == 2)
          let shown = try await daemon.petrel("requests", "--model", Daemon.model, "--limit", "1").json
          #expect(shown.elements.count == 1 && shown[0]["records"].elements.count == 1)
          #expect(try await daemon.curl("/engines/requests?limit=0").status == 400)
        }
        #expect(!scratch.read("p/requests.db").contains("geheim"))
      }
    }

    @Test func aDamagedDatabaseKeepsNobodyFromWorking() async throws {
      try await Scratch.with { scratch in
        try scratch.write("not a database", to: "p/requests.db")
        try await Daemon.with(in: scratch) { daemon in
          try await daemon.packageDemoModel()
          #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
          #expect(try await records(daemon, atLeast: 1).count == 1)
          #expect(daemon.log.contains("the record of requests is damaged"))
        }
        #expect(scratch.read("p/requests.db.damaged") == "not a database")
      }
    }
  }
}
