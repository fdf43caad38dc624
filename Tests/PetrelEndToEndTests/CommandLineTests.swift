// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Commands that only look, against one daemon with the demo model.
  @Suite(.sharedDaemon) struct CommandLineTests {
    @Test func listsModels() async throws {
      let daemon = try SharedDaemon.current
      let table = try await daemon.petrel("list")
      #expect(table.status == 0)
      #expect(table.output.hasPrefix("MODEL NAME "))
      #expect(table.output.contains("petrel/demo "))
      #expect(table.errors.isEmpty)

      let model = try await daemon.petrel("list", "--json").json[0]
      #expect(model["tags"] == .array([.string("docker.io/petrel/demo:latest")]))
      #expect(model["config"]["architecture"].string == "qwen3")

      let id = try #require(model["id"].string)
      let quiet = try await daemon.petrel("list", "--quiet")
      #expect(quiet.output == id.dropFirst("sha256:".count).prefix(12) + "\n")

      let openAI = try await daemon.petrel("list", "--openai").json
      #expect(openAI["object"].string == "list")
      #expect(openAI["data"][0]["id"].string == "docker.io/petrel/demo:latest")
    }

    @Test func inspectTellsWhatIsInTheWeights() async throws {
      let daemon = try SharedDaemon.current
      let model = try await daemon.petrel("inspect", Daemon.model).json
      let id = try #require(model["id"].string)
      #expect(id.hasPrefix("sha256:") && id.utf8.count == 71)
      #expect(model["created"].number ?? 0 > 0)
      let config = model["config"]
      #expect(config["format"].string == "gguf")
      #expect(config["quantization"].string == "MOSTLY_Q8_0")
      #expect(config["parameters"].string == "3.67M")
      #expect(config["architecture"].string == "qwen3")
      #expect(config["context_size"].number == 4096)
      #expect(config["gguf"]["qwen3.block_count"].string == "4")
      let short = String(id.dropFirst("sha256:".count).prefix(12))
      for name in [id, short, "docker.io/petrel/demo", "petrel/demo:latest"] {
        // Other tests load the model meanwhile, which is shown too.
        let same = try await daemon.petrel("inspect", name).json
        #expect(same["id"] == model["id"] && same["config"] == config)
      }
      #expect(try await daemon.petrel("inspect", "--openai", Daemon.model).json["owned_by"].string == "docker")
    }

    @Test func runPrintsOnlyTheAnswerToAPipe() async throws {
      let run = try await SharedDaemon.current.petrel("run", Daemon.model, "Say hello")
      #expect(run.status == 0)
      #expect(run.output.contains("Hello"))
      #expect(!run.output.contains("Thinking") && !run.output.contains("<think>") && !run.output.contains("\u{1B}"))
      #expect(run.output.hasSuffix("\n"))
    }

    @Test func runReadsThePromptFromAPipe() async throws {
      let daemon = try SharedDaemon.current
      let piped = try await daemon.petrel("run", Daemon.model, input: "Say hello\n")
      #expect(piped.status == 0)
      #expect(piped.output.contains("Hello"))
      let both = try await daemon.petrel("run", Daemon.model, "Count from", input: "1 to 10\n")
      #expect(both.status == 0)
      #expect(!both.output.isEmpty)
    }

    @Test func runWithoutAPromptSaysWhatIsMissing() async throws {
      let run = try await SharedDaemon.current.petrel("run", Daemon.model)
      #expect(run.status != 0)
      #expect(!run.errors.isEmpty)
    }

    @Test func psShowsLoadedModels() async throws {
      let daemon = try SharedDaemon.current
      #expect(try await daemon.petrel("run", "--detach", Daemon.model).status == 0)
      let table = try await daemon.petrel("ps")
      #expect(table.output.contains(Daemon.model))
      let runners = try await daemon.petrel("ps", "--json").json
      #expect(
        runners.elements.contains { $0["mode"].string == "completion" && $0["backend_name"].string == "llama.cpp" })
    }

    @Test func statusTellsOfTheDaemonAndItsBackend() async throws {
      let daemon = try SharedDaemon.current
      let status = try await daemon.petrel("status")
      #expect(status.status == 0)
      #expect(status.output.contains("Docker Model Runner is running"))
      #expect(status.output.contains("llama.cpp"))
      let json = try await daemon.petrel("status", "--json").json
      #expect(json["running"] == .bool(true))
      #expect(json["endpoint"].isText)
      #expect(json["backends"]["llama.cpp"].isText)
    }

    @Test func versionTellsBoth() async throws {
      let json = try await SharedDaemon.current.petrel("version", "--json").json
      #expect(json["client"]["version"].isText)
      #expect(json["server"]["version"] == json["client"]["version"])
    }

    @Test func mistakesAreExplainedOnStandardError() async throws {
      let daemon = try SharedDaemon.current
      let mistakes: [(Finished, String)] = [
        (try await daemon.petrel("inspect", "nope"), "nope"),
        (try await daemon.petrel("rm", "nope"), "nope"),
        (try await daemon.petrel("tag", "nope", "other"), "nope"),
        (try await daemon.petrel("push", "127.0.0.1:1/nope"), "nope"),
        (try await daemon.petrel("tag", Daemon.model, "Bad Name"), "Bad Name"),
        (try await daemon.petrel("package", "--gguf", "/nowhere.gguf", "x/y"), "/nowhere.gguf"),
        (try await daemon.petrel("package", "--gguf", "/etc/passwd", "x/y"), "/etc/passwd"),
        (try await daemon.petrel("bogus"), "bogus"),
        (try await daemon.petrel("list", "--bogus"), "--bogus"),
        (try await daemon.petrel("inspect"), "inspect"),
      ]
      for (result, text) in mistakes {
        #expect(result.status != 0)
        #expect(result.output.isEmpty, "\(result.output)")
        #expect(result.errors.contains(text), "\(result.errors)")
      }
    }

    @Test func removesOnlyATagOfSeveral() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await daemon.petrel("tag", Daemon.model, "team/bird:v1").status == 0)
        let listed = try await daemon.petrel("list", "--json").json
        #expect(listed.elements.count == 1)
        #expect(listed[0]["tags"].elements.count == 2)
        let id = try #require(listed[0]["id"].string)
        #expect(try await daemon.petrel("rm", id).status != 0, "an ID with two tags needs --force")

        let untagged = try await daemon.petrel("rm", "team/bird:v1")
        #expect(untagged.status == 0)
        #expect(untagged.output.contains("Untagged: docker.io/team/bird:v1"))
        let deleted = try await daemon.petrel("rm", Daemon.model)
        #expect(deleted.status == 0)
        #expect(try await daemon.petrel("list", "--json").json == .array([]))
        let blobs = daemon.scratch.files(below: "m").filter { $0.contains("sha256/") }
        #expect(blobs == [], "the store is empty")
      }
    }

    @Test func variantHasItsOwnContextSize() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let packaged = try await daemon.petrel(
          "package", "--from", Daemon.model, "--context-size", "1024", "petrel/small")
        #expect(packaged.status == 0, "\(packaged.errors)")
        #expect(try await daemon.petrel("inspect", "petrel/small").json["config"]["context_size"].number == 1024)
        let prompt = String(repeating: "whales ", count: 1500)
        let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat(prompt, model: "petrel/small"))
        #expect(answer.status == 400)
        #expect(try #require(try answer.json["error"]["message"].string).contains("1024"))
      }
    }

    @Test func configTellsWhereEachValueComesFrom() async throws {
      try await Scratch.with { scratch in
        try scratch.write("keep-alive: 1m\nlog-level: debug\nmax-runners: 3\n", to: "p/config.yaml")
        let rows = try await scratch.petrel(
          "config", "show", "--json", "--keep-alive", "3m",
          environment: ["PETREL_KEEP_ALIVE": "2m", "LOG_LEVEL": "error"]
        ).json
        func row(_ name: String) throws -> JSON {
          try #require(rows.elements.first { $0["setting"].string == name || $0["key"].string == name })
        }
        #expect(try row("keep-alive")["value"].string == "3m")
        #expect(try row("keep-alive")["source"].string == "flag --keep-alive")
        #expect(try row("log-level")["value"].string == "error")
        #expect(try row("log-level")["source"].string == "environment LOG_LEVEL")
        #expect(try row("max-runners")["value"].string == "3")
        #expect(try row("max-runners")["source"].string == "file \(scratch.home)/config.yaml")
        #expect(try row("shutdown-grace")["source"].string == "default")
      }
    }
  }
}
