// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelProcess
import PetrelTestSupport
import PetrelWire
import SystemPackage
import Testing

@testable import PetrelEngines

@Suite struct LaunchArgumentsTests {
  private static let prefix = [
    "--metrics", "--model", "/m/model.gguf", "--alias", "ai/x", "--host", "/run/1.sock", "--threads-http", "128",
    "--offline", "--no-ui", "--no-slots",
  ]
  private let newBuild = EngineHelp(flags: [
    "--model", "--load-mode", "--spec-type", "--spec-draft-n-max", "--draft-max", "--batch-size", "--temp", "--threads",
    "--top-k", "--top-p", "--repeat-penalty",
  ])

  /// What follows the arguments that are always there.
  private func arguments(
    _ settings: ModelSettings, mode: EngineMode = .completion, packaged: Int? = nil, help: EngineHelp? = nil,
    draft: FilePath? = nil, choice: MemoryChoice = MemoryChoice()
  ) async throws -> (words: [String], contextSize: Int?) {
    try await withTemporaryFolder { folder in
      try folder.appending("bin/llama-server").write("#!/bin/sh\n", mode: 0o755)
      let engine = LlamaCpp(home: folder, environment: ["LLAMA_SERVER_PATH": folder.appending("bin").string])
      var model = EngineModel(
        id: Digest(of: []), name: "ai/x", gguf: "/m/model.gguf", contextSize: packaged, trainedContextSize: 4096,
        definesPooling: true)
      model.draft = draft
      let plan = try engine.launchPlan(
        for: model, mode: mode, settings: settings, socket: "/run/1.sock", choice: choice, help: help)
      let words = plan.process.arguments
      #expect(Array(words.prefix(Self.prefix.count)) == Self.prefix)
      return (Array(words.dropFirst(Self.prefix.count)), plan.contextSize)
    }
  }

  private func settings(_ change: (inout ModelSettings) -> Void) -> ModelSettings {
    var settings = ModelSettings()
    change(&settings)
    return settings
  }

  @Test(
    arguments: [
      (nil, nil, [], nil), (nil, 2096, ["--ctx-size", "2096"], 2096), (1234, nil, ["--ctx-size", "1234"], 1234),
      (1234, 2096, ["--ctx-size", "1234"], 1234), (nil, -1, ["--ctx-size", "0"], 4096), (nil, 0, [], nil),
      (nil, -2, [], nil), (1, nil, ["--ctx-size", "256"], 1),
    ] as [(Int?, Int?, [String], Int?)])
  func `The context is the one that was set, then the packaged one, then the engine's`(
    configured: Int?, packaged: Int?, words: [String], asked: Int?
  ) async throws {
    let plan = try await arguments(settings { $0.contextSize = configured }, packaged: packaged)
    #expect(plan.words == words + ["--jinja"])
    #expect(plan.contextSize == asked)
  }

  @Test func `A context among the runtime flags counts like any other`() async throws {
    let plan = try await arguments(
      settings {
        $0.contextSize = 1234
        $0.runtimeFlags = ["-c", "2048", "--temp", "0.7"]
      })
    #expect(plan.words == ["--ctx-size", "2048", "--temp", "0.7", "--jinja"])
    #expect(plan.contextSize == 2048)
  }

  @Test func `Settings come in the reference's order, runtime flags after them`() async throws {
    let plan = try await arguments(
      settings {
        $0.contextSize = 2048
        $0.reasoningBudget = 0
        $0.gpuLayers = 20
        $0.runtimeFlags = ["--temp", "0.7", "--n-gpu-layers=10"]
        $0.speculative = .init(draftModel: "d", tokenCount: 4, minimumAcceptanceRate: 0.8)
      }, draft: "/d/model.gguf")
    #expect(
      plan.words == [
        "--reasoning-budget", "0", "--ctx-size", "2048", "--n-gpu-layers", "20", "--temp", "0.7", "--n-gpu-layers",
        "10",
        "--jinja", "--model-draft", "/d/model.gguf", "--spec-draft-n-max", "4", "--spec-draft-p-min", "0.80",
      ])
  }

  @Test func `Each of several parallel requests has the whole context`() async throws {
    let plan = try await arguments(
      settings {
        $0.parallel = 4
        $0.contextSize = 2048
      })
    #expect(plan.words == ["--ctx-size", "2048", "--parallel", "4", "--kv-unified", "--jinja"])
    #expect(plan.contextSize == 2048)
    #expect(
      try await arguments(settings { $0.runtimeFlags = ["-np", "2", "-kvu"] }).words
        == ["--parallel", "2", "-kvu", "--jinja"])
  }

  @Test func `Where memory has room, each slot has a context of its own`() async throws {
    let own = MemoryChoice(slots: 4, sharesCache: false)
    let plan = try await arguments(settings { $0.contextSize = 2048 }, choice: own)
    #expect(plan.words == ["--ctx-size", "8192", "--parallel", "4", "--jinja"])
    #expect(plan.contextSize == 2048)
    let few = settings {
      $0.parallel = 2
      $0.contextSize = 2048
    }
    #expect(try await arguments(few, choice: own).words == ["--ctx-size", "4096", "--parallel", "2", "--jinja"])
    let flag = settings { $0.runtimeFlags = ["--ctx-size", "0"] }
    let trained = try await arguments(flag, choice: own)
    #expect(trained.words == ["--ctx-size", "16384", "--parallel", "4", "--jinja"])
    #expect(trained.contextSize == 4096)
  }

  @Test func `Modes have flags of their own, and what only completion has is left out`() async throws {
    let all = settings {
      $0.reasoningBudget = 0
      $0.contextSize = 512
    }
    #expect(try await arguments(all, mode: .embedding).words == ["--embeddings", "--ctx-size", "512", "--jinja"])
    #expect(
      try await arguments(all, mode: .reranking).words
        == ["--embeddings", "--reranking", "--ctx-size", "512", "--jinja"])
    let flags = settings { $0.runtimeFlags = ["--embeddings"] }
    #expect(
      try await arguments(flags, mode: .embedding).words
        == ["--embeddings", "--batch-size", "4096", "--ubatch-size", "4096", "--jinja"])
    for mine in [["--ubatch-size", "256"], ["--batch-size", "1024"]] {
      let words = try await arguments(settings { $0.runtimeFlags = mine }, mode: .embedding).words
      #expect(
        words == ["--embeddings"] + (mine[0] == "--batch-size" ? ["--ubatch-size", "4096"] : []) + mine + ["--jinja"])
    }
    await #expect(throws: EngineError.self) { try await arguments(flags) }
  }

  @Test(arguments: [
    (["--mlock", "--batch-size", "2048"], ["--load-mode", "mmap+mlock", "--batch-size", "2048"]),
    (["--no-mmap"], ["--load-mode", "none"]), (["--mmap"], ["--load-mode", "mmap"]),
    (["--mlock", "--no-mmap"], ["--load-mode", "mlock"]), (["-dio"], ["--load-mode", "dio"]),
    (["--draft-max", "8"], ["--spec-draft-n-max", "8"]), (["--threads", "4"], ["--threads", "4"]),
  ]) func `Flags are said in the words of the engine's build`(flags: [String], words: [String]) async throws {
    let wanted = settings { $0.runtimeFlags = flags }
    #expect(try await arguments(wanted, help: newBuild).words == words + ["--jinja"])
  }

  @Test func `A flag that this build does not have is named`() async throws {
    let wanted = settings { $0.runtimeFlags = ["--ctx-size-draft", "512"] }
    let error = await #expect(throws: EngineError.self) { try await arguments(wanted, help: newBuild) }
    #expect(error?.message.contains("does not know the runtime flag --ctx-size-draft") == true)
  }

  @Test(arguments: [
    (4096, ["--temp", "0.1", "--top-k", "1", "--batch-size", "1024"]),
    (8192, ["--temp", "0.7", "--top-p", "0.9", "--repeat-penalty", "1.1"]),
    (8192, ["--temp", "1.2", "--top-p", "0.95", "--repeat-penalty", "1.0"]),
    (32768, ["--mlock", "--batch-size", "2048"]), (2048, ["--threads", "4"]),
  ]) func `The presets of the user documentation are understood`(contextSize: Int, flags: [String]) async throws {
    let preset = settings {
      $0.contextSize = contextSize
      $0.runtimeFlags = flags
    }
    let plan = try await arguments(preset, help: newBuild)
    #expect(plan.contextSize == min(contextSize, 4096), "no more than the model was trained with")
    #expect(plan.words.count >= flags.count + 3)
  }

  @Test func `Which flags a build knows is read from its help`() {
    let help = EngineHelp(
      parsing: """
        ----- common params -----

        -h,    --help, --usage                  print usage and exit
        -m,    --model FNAME                    model path to load, or --other
                                                --not-a-flag
        -nkvo, --no-kv-offload                  whether
        """)
    #expect(help?.flags.isSuperset(of: ["-h", "--help", "-m", "--model", "-nkvo", "--no-kv-offload"]) == true)
    #expect(help?.flags.contains("--not-a-flag") == false)
    #expect(EngineHelp(parsing: "no help here") == nil)
  }

  // MARK: What settings may be

  @Test(
    arguments: [
      ("a", nil), ("_", nil), ("a1", nil), ("AbC", nil), ("", "invalid hf_overrides key \"\""),
      ("1a", "invalid hf_overrides key \"1a\""), ("--x", "invalid hf_overrides key \"--x\""),
      ("a.b", "invalid hf_overrides key \"a.b\""), ("a b", "invalid hf_overrides key \"a b\""),
      ("ä", "invalid hf_overrides key \"ä\""),
    ] as [(String, String?)]) func `Overrides have plain names`(name: String, message: String?) throws
  {
    func check(_ overrides: JSONNode) throws {
      try SettingsValidation.check(settings { $0.hfOverrides = overrides }, mode: .completion, for: .vllm)
    }
    let plain = JSONNode.object([JSONMember(name, .number("1"))])
    let nested = JSONNode.object([JSONMember("list", .array([plain]))])
    guard let message else {
      try check(plain)
      try check(nested)
      return
    }
    let outer = #expect(throws: EngineError.self) { try check(plain) }
    #expect(outer?.message.hasPrefix(message) == true)
    let inner = #expect(throws: EngineError.self) { try check(nested) }
    #expect(inner?.message.contains("nested key \"\(name)\" in \"list[0]\"") == true)
  }

  @Test func `Numbers that make no sense are refused`() {
    let bad: [ModelSettings] = [
      settings { $0.contextSize = 0 }, settings { $0.contextSize = 1 << 30 }, settings { $0.parallel = 0 },
      settings { $0.gpuLayers = -5 }, settings { $0.reasoningBudget = -2 }, settings { $0.gpuMemoryUtilization = 1.5 },
      settings { $0.speculative = .init(tokenCount: -1) },
      settings { $0.speculative = .init(minimumAcceptanceRate: 2) }, settings { $0.hfOverrides = .array([]) },
    ]
    for settings in bad {
      let error = #expect(throws: EngineError.self) {
        try SettingsValidation.check(settings, mode: .completion, for: .llamaCpp)
      }
      #expect(error?.code == .invalidSettings)
    }
  }

  // MARK: Workers on other machines

  @Test func `Workers are passed on, and refused by a build that does not know them`() async throws {
    let shared = settings { $0.rpc = ["10.0.0.7:50052", "gpu-box.lan:1"] }
    let rpc = ["--rpc", "10.0.0.7:50052,gpu-box.lan:1"]
    #expect(try await arguments(shared).words == rpc + ["--jinja"])
    let able = EngineHelp(flags: newBuild.flags.union(["--rpc"]))
    #expect(try await arguments(shared, help: able).words == rpc + ["--jinja"])
    let error = await #expect(throws: EngineError.self) { try await arguments(shared, help: newBuild) }
    #expect(error?.code == .invalidSettings)
    #expect(error?.message.contains("install-runner --force") == true)
  }

  @Test(
    arguments: [
      [], ["host"], ["host:"], [":1"], ["host:0"], ["host:65536"], ["host:+1"], ["host:01"], ["--model:1"], ["-h:1"],
      ["a b:1"], ["a,b:1"], ["a:1,b:2"], ["a:1:2"], ["/tmp/x:1"], ["a\n:1"], ["http://a:1"], ["a:1", "a:1"],
    ] as [[String]])
  func `Workers must be hosts with ports and nothing else`(workers: [String]) {
    let error = #expect(throws: EngineError.self) {
      try SettingsValidation.check(settings { $0.rpc = workers }, mode: .completion, for: .llamaCpp)
    }
    #expect(error?.code == .invalidSettings)
    #expect(error?.message.contains("rpc") == true)
  }

  @Test func `Workers can't be named by a runtime flag`() {
    for words in [["--rpc", "a:1"], ["--rpc=a:1"]] {
      let error = #expect(throws: EngineError.self) {
        try SettingsValidation.check(settings { $0.runtimeFlags = words }, mode: .completion, for: .llamaCpp)
      }
      #expect(error?.message.contains("is not allowed") == true)
    }
  }

  // MARK: What the engine reports

  @Test(
    arguments: [
      (nil, 4096, true), (4096, 4096, true), (1000, 1024, true), (100, 256, true), (8192, 4096, false),
      (2048, 4096, false), (1024, nil, true),
    ] as [(Int?, Int?, Bool)]) func `An engine with another context than asked for is an error with both numbers`(
      asked: Int?, reported: Int?, isRight: Bool
    ) throws
  {
    let properties = EngineProperties(contextSize: reported)
    let model = EngineModel(id: Digest(of: []), name: "ai/x", gguf: "/m", trainedContextSize: 4096)
    if isRight { return try properties.check(asked: asked, for: model) }
    let error = #expect(throws: EngineError.self) { try properties.check(asked: asked, for: model) }
    #expect(error?.code == .contextSizeMismatch)
    #expect(error?.message.contains("\(asked ?? 0) tokens, but the engine reports \(reported ?? 0)") == true)
    #expect(error?.message.contains("trained with 4096") == true)
  }

  @Test func `The engine's own account is read, and anything else is no account`() {
    let json = #"{"default_generation_settings":{"n_ctx":2048,"params":{}},"total_slots":4,"x":1}"#
    #expect(EngineProperties(props: Array(json.utf8)) == EngineProperties(contextSize: 2048, slots: 4))
    #expect(EngineProperties(props: Array("not json".utf8)) == EngineProperties())
    #expect(EngineProperties(props: nil) == EngineProperties())
  }
}
