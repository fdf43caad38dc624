// SPDX-License-Identifier: Apache-2.0

import Subprocess
import SystemPackage
import Testing

extension EndToEnd {
  /// Commands and routes that look after a daemon and its engines.
  @Suite struct ManagementTests {
    @Test func unloadingTellsWhatItDid() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.petrel("unload", "--all").output == "No models are running.\n")
        #expect(try await daemon.petrel("unload", Daemon.model).output == "No such model(s) running.\n")
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        #expect(try await daemon.petrel("unload", Daemon.model).output == "Unloaded 1 model(s).\n")
        #expect(try await daemon.scratch.engines().isEmpty)
        let last = try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 400)) { stream in
          var lines = stream.lines.makeAsyncIterator()
          _ = try await lines.next()
          // So that the answer can't be complete before the command comes.
          let engine = try #require(try await daemon.scratch.engines().first)
          Processes.send(.suspend, to: engine)
          defer { Processes.send(.resume, to: engine) }
          let busy = try await daemon.petrel("unload", "--when-idle", Daemon.model)
          Processes.send(.resume, to: engine)
          #expect(busy.errors.contains("leaves memory with its last answer"), "\(busy.errors)")
          var last = ""
          while let line = try await lines.next() { if line.hasPrefix("data: ") { last = line } }
          return last
        }
        #expect(last == "data: [DONE]")
        try await eventually("the engine is gone") { try await daemon.scratch.engines().isEmpty }
        #expect(try await daemon.petrel("unload").status == 1)
        #expect(try await daemon.curl("/engines/unload", body: "{").status == 400)
        #expect(try await daemon.curl("/engines/unload", body: "{}").body == "{\"unloaded_runners\":0}\n")
      }
    }

    @Test func requestsAreRecorded() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.petrel("requests").output == "[]\n")
        _ = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello", #","stream":true"#))
        let group = try await eventually("it is recorded") {
          let groups = try await daemon.petrel("requests", "--model", Daemon.model).json
          return groups.elements.isEmpty ? nil : groups[0]
        }
        #expect(group["count"].number == 1)
        #expect(group["config"]["context-size"].number == 4096)
        let record = group["records"][0]
        #expect(record["url"].string == "/v1/chat/completions")
        #expect(record["status_code"].number == 200)
        #expect(record["model"].string == Daemon.model)
        let answer = try JSON(parsing: try #require(record["response"].string))
        #expect(answer["choices"][0]["message"]["content"].string?.contains("Hello") == true)
        #expect(try await daemon.curl("/engines/requests?model=no/such").json == .array([]))
        let scratch = daemon.scratch
        let first = try await Program.withRunning(
          scratch.setup.petrel, ["requests", "--follow", "--include-existing"], environment: scratch.environment
        ) { running in
          let line = try await running.lines.first { _ in true }
          running.send(.interrupt)
          return line
        }
        let followed = try JSON(parsing: try #require(first))
        #expect(followed[0]["records"][0]["id"] == record["id"])
      }
    }

    @Test func logsAreMergedAndFollowed() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello")).status == 200)
        let all = try await daemon.petrel("logs")
        #expect(all.status == 0)
        #expect(all.output.contains("msg=\"engine ready\""))
        #expect(all.output.contains("load_model"))
        let own = try await daemon.petrel("logs", "--no-engines").output
        #expect(own.contains("msg=\"engine ready\""))
        #expect(!own.contains("load_model"))
        let wrong = try await daemon.curl("/logs?follow=x")
        #expect(wrong.status == 400)
        #expect(wrong.body == "invalid follow parameter: \"x\" is not a valid boolean\n")
      }
    }

    @Test func theDaemonIsStartedAndStoppedByCommands() async throws {
      try await Scratch.with { scratch in
        func stop() async throws -> Finished { try await scratch.petrel("stop-runner") }
        try scratch.write(String(repeating: "old\n", count: 3_000_000), to: "p/logs/daemon.log")
        do {
          let start = try await scratch.petrel("start-runner")
          #expect(start.status == 0, "\(start.errors)")
          #expect(start.errors.contains("Started the petrel daemon (pid "))
          #expect(scratch.size(of: "p/logs/daemon.log.1") == 12_000_000)
          #expect(scratch.size(of: "p/logs/daemon.log") < 100_000)
          #expect(try await scratch.petrel("status").status == 0)
          #expect(try await scratch.petrel("start-runner").output == "The petrel daemon is already running\n")
          let restart = try await scratch.petrel("restart-runner")
          #expect(restart.status == 0, "\(restart.errors)")
          #expect(restart.errors.contains("Stopped the petrel daemon (pid "))
          #expect(try await scratch.petrel("status").status == 0)
        } catch {
          _ = try await stop()
          throw error
        }
        let stopped = try await stop()
        #expect(stopped.status == 0, "\(stopped.errors)")
        #expect(try await scratch.petrel("status").status == 1)
        #expect(try await stop().output == "The petrel daemon is not running\n")
        let elsewhere = try await scratch.petrel("stop-runner", environment: ["MODEL_RUNNER_HOST": "127.0.0.1:1"])
        #expect(elsewhere.status == 1)
        #expect(elsewhere.errors.contains("MODEL_RUNNER_HOST"))
      }
    }

    @Test func aNewEngineIsInPlaceBeforeTheDaemonRestarts() async throws {
      try await Scratch.with { scratch in
        // Stands in for pip, whose build takes minutes; the engine that it makes can only be asked for its version.
        try scratch.write(
          """
          #!/bin/sh
          [ -e \(scratch.folder)/broken ] && exit 1
          while [ "$1" != --target ]; do shift; done
          mkdir -p "$2/bin" "$2/lib"
          printf '#!/bin/sh\\n' >"$2/bin/llama-server"
          chmod +x "$2/bin/llama-server"

          """, to: "python/python3", executable: true)
        let path = ["PATH": "\(scratch.folder)/python:/usr/bin:/bin"]
        func stop() async throws { _ = try await scratch.petrel("stop-runner") }
        do {
          #expect(try await scratch.petrel("start-runner").status == 0)
          try scratch.write("", to: "broken")
          let failed = try await scratch.petrel("reinstall-runner", environment: path)
          #expect(failed.status == 1 && failed.errors.contains("building llama.cpp failed"))
          #expect(!failed.errors.contains("Stopped"))
          #expect(try await scratch.petrel("status").status == 0)
          _ = try await scratch.run("/bin/rm", [scratch.folder.appending("broken").string])
          let done = try await scratch.petrel("reinstall-runner", "--llama-server-version", "9.9.9", environment: path)
          #expect(done.status == 0, "\(done.errors)")
          #expect(done.errors.contains("llama.cpp 9.9.9 is now installed in"))
          #expect(
            done.errors.contains("Stopped the petrel daemon") && done.errors.contains("Started the petrel daemon"))
          #expect(
            scratch.files(below: "p/engines") == [
              "llama.cpp/.selected", "llama.cpp/9.9.9/.petrel-build", "llama.cpp/9.9.9/bin/llama-server",
            ])
          #expect(try await scratch.petrel("status").status == 0)
        } catch {
          try await stop()
          throw error
        }
        try await stop()
      }
    }

    @Test func enginesAreInstalledAndRemovedByName() async throws {
      try await Daemon.with { daemon in
        func post(_ action: String, _ body: String) async throws -> CurlAnswer {
          try await daemon.curl("/engines/\(action)-backend", body: body)
        }
        for action in ["install", "uninstall"] {
          let missing = try await post(action, "{}")
          #expect(missing.status == 400 && missing.body == "invalid request: backend is required\n")
          let unknown = try await post(action, #"{"backend":"vllm"}"#)
          #expect(unknown.status == 404 && unknown.body == "backend not found\n")
        }
        let bad = try await post("install", #"{"backend":"llama.cpp","version":"../../x"}"#)
        #expect(bad.status == 500 && bad.body.hasPrefix("backend installation failed: "))
        // An installed version is there at once, and gone after its removal.
        let version = "engines/llama.cpp/9.9.9"
        try daemon.scratch.write("#!/bin/sh\n", to: "p/\(version)/bin/llama-server", executable: true)
        #expect(try await post("install", #"{"backend":"llama.cpp","version":"9.9.9"}"#).status == 200)
        #expect(try await daemon.petrel("uninstall-runner", "--backend", "llama.cpp").status == 0)
        #expect(daemon.scratch.files(below: "p/engines") == [])
        #expect(try await post("uninstall", #"{"backend":"llama.cpp"}"#).status == 200)
      }
    }
  }
}
