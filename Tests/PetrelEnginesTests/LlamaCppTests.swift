// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelProcess
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelEngines

@Suite struct LlamaCppTests {
  private func program(_ path: FilePath) throws -> FilePath {
    try path.write("#!/bin/sh\n", mode: 0o755)
    return path
  }

  @Test func `The configured program comes first, then installed ones, then the search path`() async throws {
    try await withTemporaryFolder { folder in
      let home = folder.appending("home")
      let pathFolder = folder.appending("path")
      var environment = ["PATH": "/nowhere:\(pathFolder)"]
      func located() throws -> FilePath { try LlamaCpp(home: home, environment: environment).locate() }

      let error = #expect(throws: EngineError.self) { try located() }
      #expect(error?.code == .notInstalled)
      #expect(error?.message.contains("petrel install-runner") == true)

      let onPath = try program(pathFolder.appending("llama-server"))
      #expect(try located() == onPath)

      let engines = LlamaCpp(home: home, environment: [:])
      _ = try program(engines.installDirectory(version: ".9.9.9.123").appending("bin/llama-server"))
      #expect(try located() == onPath)
      _ = try program(engines.installDirectory(version: "0.1.0").appending("bin/llama-server"))
      let newer = try program(engines.installDirectory(version: "0.2.0").appending("bin/llama-server"))
      #expect(try located() == newer)
      let pinned = try program(engines.installDirectory(version: LlamaCpp.pinnedVersion).appending("bin/llama-server"))
      _ = try program(engines.installDirectory(version: "9.0.0").appending("bin/llama-server"))
      #expect(try located() == pinned)

      let own = try program(folder.appending("own/llama-server"))
      environment["LLAMA_SERVER_PATH"] = folder.appending("own").string
      #expect(try located() == own)
      environment["LLAMA_SERVER_PATH"] = own.string
      #expect(try located() == own)
      environment["LLAMA_SERVER_PATH"] = ""
      #expect(try located() == pinned)
    }
  }

  @Test func `A configured program that is none is an error, not a reason to take another`() async throws {
    try await withTemporaryFolder { folder in
      _ = try program(folder.appending("path/llama-server"))
      try folder.appending("own/llama-server").write("no program", mode: 0o644)
      for configured in [folder.appending("own"), folder.appending("nowhere"), folder.appending("own/llama-server")] {
        let engine = LlamaCpp(
          home: folder, environment: ["PATH": folder.appending("path").string, "LLAMA_SERVER_PATH": configured.string])
        let error = #expect(throws: EngineError.self) { try engine.locate() }
        #expect(error?.code == .notInstalled)
        #expect(error?.message.contains("LLAMA_SERVER_PATH is \"\(configured)\"") == true)
      }
    }
  }

  /// Runs `body` with an engine whose program exists.
  private func withEngine(
    _ environment: [String: String] = [:], usesGPU: Bool = true, _ body: (LlamaCpp) throws -> Void
  ) async throws {
    try await withTemporaryFolder { folder in
      _ = try program(folder.appending("bin/llama-server"))
      var environment = environment
      environment["LLAMA_SERVER_PATH"] = folder.appending("bin").string
      try body(LlamaCpp(home: folder, environment: environment, usesGPU: usesGPU))
    }
  }

  private let model = EngineModel(id: Digest(of: []), name: "ai/x", gguf: "/m/model.gguf")
  private let common = [
    "--metrics", "--model", "/m/model.gguf", "--alias", "ai/x", "--host", "/run/1.sock", "--threads-http", "128",
    "--offline",
    "--no-ui", "--no-slots",
  ]

  @Test func `A model's files and facts become arguments`() async throws {
    try await withEngine { engine in
      let plain = try engine.launchPlan(for: model, mode: .completion, socket: "/run/1.sock").process
      #expect(plain.executable.lastComponent == "llama-server")
      #expect(plain.arguments == common + ["--jinja"])
      #expect(plain.workingDirectory == "/run")

      var full = model
      full.projector = "/m/model.mmproj"
      full.chatTemplate = "/m/template.jinja"
      full.contextSize = 4096
      #expect(
        try engine.launchPlan(for: full, mode: .completion, socket: "/run/1.sock").process.arguments
          == common + [
            "--chat-template-file", "/m/template.jinja", "--ctx-size", "4096", "--jinja", "--mmproj", "/m/model.mmproj",
          ])

      #expect(
        try engine.launchPlan(for: model, mode: .embedding, socket: "/run/1.sock").process.arguments
          == common + ["--embeddings", "--pooling", "mean", "--jinja"])
      var pooling = full
      pooling.definesPooling = true
      pooling.projector = nil
      #expect(
        try engine.launchPlan(for: pooling, mode: .embedding, socket: "/run/1.sock").process.arguments
          == common + [
            "--embeddings", "--ctx-size", "4096", "--batch-size", "4096", "--ubatch-size", "4096", "--jinja",
          ])
    }
  }

  @Test func `LLAMA_ARGS takes the place of the base arguments`() async throws {
    try await withEngine(["LLAMA_ARGS": "-ngl 0  --grammar 'a b' "]) { engine in
      let arguments = try engine.launchPlan(for: model, mode: .completion, socket: "/run/1.sock").process.arguments
      #expect(arguments == ["-ngl", "0", "--grammar", "a b"] + common.dropFirst() + ["--jinja"])
    }
  }

  @Test(arguments: ["--model", "--host", "--embeddings", "--mmproj"])
  func `LLAMA_ARGS can't take over what the daemon decides`(argument: String) async throws {
    try await withEngine(["LLAMA_ARGS": "-ngl 0 \(argument) x"]) { engine in
      let error = #expect(throws: EngineError.self) {
        try engine.launchPlan(for: model, mode: .completion, socket: "/run/1.sock")
      }
      #expect(
        error?.message
          == "invalid LLAMA_ARGS: LLAMA_ARGS cannot override \(argument), which is controlled by the model runner")
    }
  }

  @Test(arguments: [
    ("-m", "-m"), ("-mm", "-mm"), ("--media_path", "--media-path"), ("--mmproj-url", "--mmproj-url"),
    ("--port=1", "--port"), ("--api_key=secret", "--api-key"),
  ])
  func `Other names of what the daemon decides are known, and values are not shown`(word: String, name: String) {
    let error = #expect(throws: EngineError.self) { try LlamaCpp.checkBaseArguments("-ngl 0 \(word) x") }
    #expect(error?.message.contains("cannot override \(name), which") == true)
  }

  @Test(
    arguments: [
      ("", []),
      ("   ", []),
      ("a b", ["a", "b"]),
      ("  a   b ", ["a", "b"]),
      (#"--x "a b" 'c d'"#, ["--x", "a b", "c d"]),
      (#"--x="a b"c"#, ["--x=a bc"]),
      (#"'a "b" c'"#, [#"a "b" c"#]),
      (#""unclosed here"#, nil),
    ] as [(String, [String]?)]) func `Arguments are split at blanks outside of quotes`(text: String, words: [String]?)
  {
    #expect(LlamaCpp.splitArguments(text) == words)
  }

  @Test func `The engine sees only the environment that it needs`() async throws {
    let environment = [
      "PATH": "/bin", "HOME": "/home/x", "LD_LIBRARY_PATH": "/lib", "CUDA_VISIBLE_DEVICES": "0", "GGML_LOG": "1",
      "HF_TOKEN": "secret", "https_proxy": "http://u:p@proxy", "OPENAI_API_KEY": "secret", "LLAMA_ARGS": "-v",
      "PETREL_HOME": "/x", "DOCKER_CONFIG": "/x", "XCUDA_": "no",
    ]
    try await withEngine(environment) { engine in
      let seen = try engine.launchPlan(for: model, mode: .completion, socket: "/run/1.sock").process.environment
      #expect(seen.keys.sorted() == ["CUDA_VISIBLE_DEVICES", "GGML_LOG", "HOME", "LD_LIBRARY_PATH", "PATH"])
      #expect(seen["CUDA_VISIBLE_DEVICES"] == "0")
    }
  }

  @Test(
    arguments: [
      (false, EngineMode.completion, "", [], "512"), (true, .completion, "", [], nil), (false, .embedding, "", [], nil),
      (false, .completion, "--metrics -ub 1024", [], nil), (false, .completion, "--metrics", [], "512"),
      (false, .completion, "", ["--ubatch-size=1024"], nil),
      (false, .completion, "", ["-b", "1024"], nil), (false, .completion, "", ["--temp", "0.1"], "512"),
    ] as [(Bool, EngineMode, String, [String], String?)])
  func `Without a GPU prompts are read in batches of the size that is computed at once`(
    usesGPU: Bool, mode: EngineMode, arguments: String, flags: [String], batch: String?
  ) async throws {
    try await withEngine(["LLAMA_ARGS": arguments], usesGPU: usesGPU) { engine in
      var settings = ModelSettings()
      settings.runtimeFlags = flags
      let plan = try engine.launchPlan(for: model, mode: mode, settings: settings, socket: "/run/1.sock")
      #expect(plan.process.environment["LLAMA_ARG_BATCH"] == batch)
    }
  }
}
