// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// What users learn when an engine fails.
  @Suite struct FailureTests {
    /// Asks in vain, and looks where the reason is shown.
    private func expectFailure(_ daemon: Daemon, reason: String, words: String) async throws {
      try await daemon.packageDemoModel()
      let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello"))
      #expect(answer.status == 500)
      let error = try answer.json["error"]
      #expect(error["code"].string == "engine_failed")
      #expect(error["reason"].string == reason)
      #expect(error["message"].string?.contains(words) == true, "\(answer.body)")
      let row = try await daemon.curl("/engines/ps").json[0]
      #expect(row["failed"] == .bool(true) && row["reason"].string == reason)
      #expect(row["model_name"].string == Daemon.model)
      #expect(row["error"].string?.contains(words) == true)
      let listing = try await daemon.petrel("ps").output
      #expect(listing.contains(" Failed") && listing.contains(words), "\(listing)")
      let status = try await daemon.petrel("status").output
      #expect(status.contains(words))
      let run = try await daemon.petrel("run", Daemon.model, "Say hello")
      #expect(run.status == 1 && run.errors.contains(words), "\(run.errors)")
    }

    @Test func aMissingLibraryIsNamed() async throws {
      try await Scratch.with { scratch in
        // The program alone, without what lies beside it.
        let bin = scratch.folder.appending("bin")
        _ = try scratch.write("", to: "bin/.keep")
        let copied = try await scratch.run(
          "/bin/cp", ["-L", "\(scratch.setup.engine)/llama-server", bin.appending("llama-server").string])
        try #require(copied.status == 0)
        try await Daemon.with(in: scratch, environment: ["LLAMA_SERVER_PATH": bin.string]) { daemon in
          try await expectFailure(daemon, reason: "missing_library", words: "a library of the engine is missing")
        }
      }
    }

    @Test func anUnknownArgumentIsNamed() async throws {
      try await Daemon.with(environment: ["LLAMA_ARGS": "--bogus-flag"]) { daemon in
        try await expectFailure(daemon, reason: "invalid_argument", words: "does not know the argument --bogus-flag")
      }
    }

    @Test func anEngineThatIsKilledIsShownUntilItRunsAgain() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        for engine in try await daemon.scratch.engines() { Processes.send(.kill, to: engine) }
        let row = try await eventually("its end is noticed") {
          let row = try await daemon.curl("/engines/ps").json[0]
          return row["failed"] == .bool(true) ? row : nil
        }
        #expect(row["reason"].string == "killed")
        #expect(row["error"].string?.contains("signal 9, SIGKILL") == true)
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        let rows = try await daemon.curl("/engines/ps").json.elements
        #expect(rows.count == 1 && rows[0]["failed"] == .null)
        let status = try await daemon.curl("/engines/status").body
        #expect(!status.contains("failed"))
      }
    }
  }
}
