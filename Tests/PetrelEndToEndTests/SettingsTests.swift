// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Testing

extension EndToEnd {
  /// Settings of models, from the command line and the API to the engine.
  @Suite struct SettingsTests {
    private func ask(_ daemon: Daemon, _ more: String = "") async throws -> CurlAnswer {
      try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello", more))
    }

    private func contextSize(_ daemon: Daemon) async throws -> Double? {
      try await daemon.curl("/engines/ps").json[0]["context_size"].number
    }

    private func configured(_ daemon: Daemon) async throws -> JSON {
      try await daemon.petrel("configure", "show", Daemon.model).json[0]
    }

    @Test func settingsHoldOverUnloadingAndARestart() async throws {
      try await Scratch.with { scratch in
        try await Daemon.with(in: scratch) { daemon in
          try await daemon.packageDemoModel()
          let set = try await daemon.petrel(
            "configure", "--context-size", "2048", "--keep-alive", "30m", Daemon.model, "--", "--temp", "0.7", "--mlock"
          )
          #expect(set.status == 0, "\(set.errors)")
          #expect(set.output.isEmpty && set.errors.isEmpty)
          #expect(try await ask(daemon).status == 200)
          #expect(try await contextSize(daemon) == 2048)
          let more = try await daemon.petrel("configure", "--parallel", "2", "--no-preload", Daemon.model)
          #expect(more.status == 0, "\(more.errors)")
          #expect(try await daemon.petrel("unload", "--all").status == 0)
        }
        try await Daemon.with(in: scratch) { daemon in
          let entry = try await configured(daemon)
          #expect(entry["Backend"].string == "llama.cpp")
          #expect(entry["Model"].string == "docker.io/petrel/demo:latest")
          #expect(entry["Mode"].string == "completion")
          let config = entry["Config"]
          #expect(config["context-size"].number == 2048)
          #expect(config["keep_alive"].string == "30m0s")
          #expect(config["runtime-flags"].elements.compactMap(\.string) == ["--temp", "0.7", "--mlock"])
          #expect(try await ask(daemon).status == 200)
          #expect(try await contextSize(daemon) == 2048)
          #expect(try await daemon.curl("/engines/ps").json[0]["slots"].number == 2)
          #expect(try await daemon.curl("/engines/ps").json[0]["keep_alive"].string == "30m0s")
          #expect(try await daemon.petrel("ps").output.contains("2048"))
          #expect(try await daemon.petrel("inspect", Daemon.model).json["runtime"][0]["context_size"].number == 2048)

          #expect(try await daemon.petrel("configure", "--context-size", "-1", Daemon.model).status == 0)
          #expect(try await ask(daemon).status == 200)
          #expect(try await contextSize(daemon) == 4096)
          #expect(try await configured(daemon)["Config"]["keep_alive"].string == "30m0s")
          #expect(try await daemon.petrel("configure", "--reset", "--no-preload", Daemon.model).status == 0)
          #expect(try await daemon.petrel("configure", "show").json == .array([]))
        }
      }
    }

    @Test func aChangeLosesNoAnswer() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        try await daemon.withStream("/v1/chat/completions", body: Ask.stream(tokens: 1500)) { stream in
          var isFirst = true
          var last = ""
          for try await line in stream.lines where line.hasPrefix("data: ") {
            if isFirst {
              isFirst = false
              let change = try await daemon.curl(
                "/engines/_configure", body: #"{"model":"petrel/demo","context-size":1024,"preload":false}"#)
              #expect(change.status == 202)
              #expect(change.body.isEmpty)
            }
            last = line
          }
          #expect(last == "data: [DONE]")
        }
        #expect(try await ask(daemon).status == 200)
        #expect(try await contextSize(daemon) == 1024)
      }
    }

    @Test(arguments: [
      (["--temp", "0.1", "--top-k", "1", "--batch-size", "1024"], 4096),
      (["--temp", "0.7", "--top-p", "0.9", "--repeat-penalty", "1.1"], 8192),
      (["--temp", "1.2", "--top-p", "0.95", "--repeat-penalty", "1.0"], 8192),
      (["--mlock", "--batch-size", "2048"], 32768),
      (["--threads", "4"], 2048),
    ]) func presetsOfTheUserDocumentationRun(flags: [String], contextSize size: Int) async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let words = flags.flatMap { ["--runtime-flag", $0] }
        let set = try await daemon.scratch.run(
          daemon.scratch.setup.petrel, ["configure", "--context-size", String(size)] + words + [Daemon.model])
        #expect(set.status == 0, "\(set.errors)")
        let answer = try await ask(daemon)
        #expect(answer.status == 200, "\(answer.body)")
        // The engine gives a request no more than the model was trained with, and that is what is shown.
        #expect(try await contextSize(daemon) == Double(min(size, 4096)))
      }
    }

    @Test func whatCannotBeIsRefusedWithTheReason() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let refused: [(path: String, body: String, status: Int, text: String)] = [
          ("", #"{"model":"petrel/demo","runtime-flags":["--log-file","x"]}"#, 400, "not allowed for backend"),
          ("/llama.cpp", #"{"model":"petrel/demo","runtime-flags":["--mmproj=x"]}"#, 400, "not allowed for backend"),
          ("", #"{"model":"petrel/demo","raw-runtime-flags":"--threads ../x"}"#, 400, "paths are not allowed"),
          ("", #"{"model":"petrel/demo","runtime-flags":["--no-such-flag-here"]}"#, 400, "not allowed"),
          ("", #"{"model":"petrel/demo","runtime-flags":["-cd","512"]}"#, 400, "does not know the runtime flag"),
          ("", #"{"model":"petrel/demo","mode":"image-generation"}"#, 400, "unsupported backend mode"),
          ("", #"{"model":"petrel/demo","mode":"x"}"#, 400, "unknown backend mode: \"x\""),
          ("", #"{"model":"petrel/demo","keep_alive":300}"#, 400, "invalid request"),
          ("", #"{"model":"petrel/demo","keep_alive":"1d"}"#, 400, "invalid keep_alive duration"),
          ("", "{", 400, "invalid request"), ("", "{}", 400, "model is required"),
          ("", #"{"model":"no/such"}"#, 404, "model not found"),
          ("/vllm", #"{"model":"petrel/demo"}"#, 404, "backend not found"),
        ]
        for (path, body, status, text) in refused {
          let answer = try await daemon.curl("/engines\(path)/_configure", body: body)
          #expect(answer.status == status, "\(body): \(answer.body)")
          #expect(answer.body.contains(text), "\(body): \(answer.body)")
        }
        #expect(try await daemon.curl("/engines/_configure").json == .array([]))
        #expect(try await daemon.scratch.engines().isEmpty)
      }
    }

    @Test func draftModelSpeculates() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        let set = try await daemon.petrel(
          "configure", "--speculative-draft-model", Daemon.model, "--speculative-num-tokens", "4", Daemon.model)
        #expect(set.status == 0, "\(set.errors)")
        let answer = try await ask(daemon)
        #expect(answer.status == 200, "\(answer.body)")
        #expect(try answer.json["timings"]["draft_n"].number ?? 0 > 0, "\(answer.body)")
      }
    }

    @Test func aRequestSaysHowLongTheModelStays() async throws {
      try await Daemon.with { daemon in
        try await daemon.packageDemoModel()
        #expect(try await ask(daemon, #","keep_alive":"1h""#).status == 200)
        #expect(try await daemon.curl("/engines/ps").json[0]["keep_alive"].string == "1h0m0s")
        #expect(try await ask(daemon, #","keep_alive":0"#).status == 200)
        try await eventually("the engine is gone") { try await daemon.scratch.engines().isEmpty }
      }
    }

    @Test func modelsOfTheConfigurationAreLoadedAtTheStart() async throws {
      try await Scratch.with { scratch in
        try await Daemon.with(in: scratch) { try await $0.packageDemoModel() }
        try scratch.write("port: 0\npreload: [petrel/demo, no/such]\n", to: "p/config.yaml")
        try await Daemon.with(in: scratch) { daemon in
          try await eventually("the model is loaded") { try await contextSize(daemon) == 4096 }
          try await eventually("the other is missed") { daemon.logLines("not preloaded").count == 1 }
        }
      }
    }
  }
}
