// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelTestSupport
import Testing

@testable import PetrelCommands

struct EngineCommandTests {
  private func run(
    _ words: [String], fixture: CommandFixture,
    respond: @escaping @Sendable (StubDaemon.Request) -> StubDaemon.Response
  ) async throws -> (status: Int32, requests: [StubDaemon.Request]) {
    try await StubDaemon.serving(respond) { stub in
      let status = await fixture.run(words, fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address]))
      return (status, stub.requests)
    }
  }

  @Test(arguments: [
    (["m"], #"{"model":"m"}"#),
    (["--context-size", "8192", "m", "--", "--temp", "0.7"], #""context-size":8192,"runtime-flags":["--temp","0.7"]"#),
    (["--context-size", "-1", "m"], #"{"model":"m","context-size":null}"#),
    (
      ["--runtime-flag", "--temp", "--runtime-flag", "0.7", "m", "--", "--mlock"],
      #""runtime-flags":["--temp","0.7","--mlock"]"#
    ),
    (["--think", "m"], #""llamacpp":{"reasoning-budget":-1}"#),
    (["--no-think", "m"], #""llamacpp":{"reasoning-budget":0}"#),
    (["--keep-alive", "-1", "m"], #""keep_alive":"-1""#), (["--keep-alive", "90s", "m"], #""keep_alive":"1m30s""#),
    (["--keep-alive", "300", "m"], #""keep_alive":"5m0s""#),
    (["--mode", "EMBEDDING", "m"], #""mode":"embedding""#),
    (["--parallel", "4", "--priority", "batch", "m"], #""parallel":4,"priority":"batch""#),
    (
      ["--preset", "code", "m"],
      #""context-size":4096,"runtime-flags":["--temp","0.1","--top-k","1","--batch-size","1024"]"#
    ),
    (
      ["--preset", "chat", "--context-size", "2048", "m"],
      #""context-size":2048,"runtime-flags":["--temp","0.7","--top-p","0.9","--repeat-penalty","1.1"]"#
    ),
    (["--preset", "low-memory", "m", "--", "--mlock"], #""context-size":2048,"runtime-flags":["--mlock"]"#),
    (["--max-concurrent", "2", "m"], #""max-concurrent":2"#),
    (["--max-concurrent", "-1", "m"], #""max-concurrent":null"#),
    (["--gpu-layers", "-1", "m"], #""llamacpp":{"gpu-layers":null}"#),
    (["--rpc", "a:1,b.lan:2", "m"], #""llamacpp":{"rpc":["a:1","b.lan:2"]}"#),
    (["--rpc", "", "m"], #""llamacpp":{"rpc":null}"#),
    (["--reset", "--no-preload", "m"], #"{"model":"m","reset":true,"preload":false}"#),
    (
      ["--speculative-draft-model", "d", "--speculative-num-tokens", "4", "m"],
      #""speculative":{"draft_model":"d","num_tokens":4}"#
    ),
    (
      ["--hf_overrides", #"{"b":1,"a":[true]}"#, "--gpu-memory-utilization", "0.5", "m"],
      #""vllm":{"hf-overrides":{"a":[true],"b":1},"gpu-memory-utilization":0.5}"#
    ),
  ]) func configureSendsWhatWasSaidAndNothingElse(words: [String], body: String) async throws {
    let fixture = try CommandFixture()
    let result = try await run(["configure"] + words, fixture: fixture) { _ in .init(202, chunks: []) }
    #expect(result.status == 0, "\(fixture.errors)")
    #expect(result.requests.first?.uri == "/engines/_configure")
    #expect(result.requests.first?.body.contains(body) == true, "\(result.requests.first?.body ?? "")")
    #expect(fixture.output.isEmpty && fixture.errors.isEmpty)
  }

  @Test(arguments: [
    ([], "Exactly one model must be specified, got 0: []"),
    (["a", "b"], "Exactly one model must be specified, got 2: [a b]"),
    (["a", "b", "--", "-x"], "Exactly one model must be specified before --, got 2: [a b]"),
    (["--mode", "x", "m"], "invalid mode \"x\": must be one of completion, embedding, reranking, image-generation"),
    (["--gpu-memory-utilization", "1.5", "m"], "--gpu-memory-utilization must be between 0.0 and 1.0, got 1.5"),
    (["--keep-alive", "1d", "m"], "invalid keep_alive duration \"1d\""),
    (["--hf_overrides", "{", "m"], "invalid --hf_overrides JSON: {"),
    (["--priority", "x", "m"], "invalid priority \"x\""), (["--context-size", "99999999999", "m"], "context-size"),
    (["--context-size", "0", "m"], "--context-size is 0, but it must be above 0, or -1"),
    (["--context-size", "-7", "m"], "--context-size is -7, but it must be above 0, or -1"),
  ]) func configureRefusesWhatMakesNoSense(words: [String], message: String) async throws {
    let fixture = try CommandFixture()
    let result = try await run(["configure"] + words, fixture: fixture) { _ in .init(202, chunks: []) }
    #expect(result.status == 1)
    #expect(result.requests.isEmpty)
    #expect(fixture.errors.contains(message), "\(fixture.errors)")
  }

  @Test func theDaemonsReasonIsShown() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["configure", "m"], fixture: fixture) { _ in .init(400, chunks: ["no such flag\n"]) }
    #expect(result.status == 1)
    #expect(fixture.errors == "Error: no such flag\n")
  }

  @Test func settingsAreShownAsJSON() async throws {
    let fixture = try CommandFixture()
    let id = "sha256:" + String(repeating: "a", count: 64)
    let row = """
      {"Backend":"llama.cpp","Model":"docker.io/ai/m:latest","ModelID":"\(id)","Mode":"completion",\
      "Config":{"context-size":2048}}
      """
    let result = try await run(["configure", "show", "m"], fixture: fixture) { _ in .json("[\(row)]") }
    #expect(result.status == 0, "\(fixture.errors)")
    #expect(result.requests.first?.uri == "/engines/_configure?model=m")
    #expect(
      fixture.output == """
        [
          {
            "Backend": "llama.cpp",
            "Model": "docker.io/ai/m:latest",
            "ModelID": "\(id)",
            "Mode": "completion",
            "Config": {
              "context-size": 2048
            }
          }
        ]

        """)
  }

  @Test(arguments: [
    (["--all"], #"{"unloaded_runners":2}"#, "Unloaded 2 model(s).\n", ""),
    (["--all"], #"{"unloaded_runners":0}"#, "No models are running.\n", ""),
    (["m"], #"{"unloaded_runners":0}"#, "No such model(s) running.\n", ""),
    (
      ["m"], #"{"unloaded_runners":0,"in_use":["m"]}"#, "", "m is answering a request and stays in memory.\n"
    ),
  ]) func unloadTellsWhatTheDaemonDid(words: [String], answer: String, output: String, errors: String) async throws {
    let fixture = try CommandFixture()
    let result = try await run(["unload"] + words, fixture: fixture) { _ in .json(answer) }
    #expect(result.status == 0)
    #expect(fixture.output == output)
    #expect(fixture.errors == errors)
  }

  @Test(arguments: [
    ([], "requires MODEL unless --all is specified"), (["--all", "m"], "does not take MODEL when --all"),
  ])
  func unloadWantsModelsOrAll(words: [String], message: String) async throws {
    let fixture = try CommandFixture()
    let result = try await run(["unload"] + words, fixture: fixture) { _ in .json("{}") }
    #expect(result.status == 1)
    #expect(result.requests.isEmpty)
    #expect(fixture.errors.contains(message))
  }

  @Test func requestsAreFollowedUntilTheDaemonEndsTheStream() async throws {
    let fixture = try CommandFixture()
    let stream = """
      event: existing_request\ndata: [{"count":1}]\n\nevent: connected\ndata: {"status": "connected"}\n\n\
      event: new_request\ndata: [{"count":2}]\n\n
      """
    let words = ["requests", "--follow", "--include-existing", "--model", "m"]
    let result = try await run(words, fixture: fixture) { _ in
      .init(200, type: "text/event-stream", chunks: [String(stream.prefix(30)), String(stream.dropFirst(30))])
    }
    #expect(result.status == 0)
    #expect(result.requests.first?.uri == "/engines/requests?model=m&include_existing=true")
    #expect(result.requests.first?.headers.first(name: "Accept") == "text/event-stream")
    #expect(fixture.output == "[{\"count\":1}]\n[{\"count\":2}]\n")
    #expect(fixture.errors == "Connected to request stream. Press Ctrl+C to stop.\nStream closed by server.\n")
  }

  @Test func logsPassAsTheyAre() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["logs", "--no-engines"], fixture: fixture) { _ in
      .init(200, chunks: ["[2026] line o", "ne\n[2026] h\u{e9}", "\nlast"])
    }
    #expect(result.status == 0)
    #expect(result.requests.first?.uri == "/logs?follow=false&no-engines=true")
    #expect(fixture.output == "[2026] line one\n[2026] h\u{e9}\nlast")
  }

  @Test func runnersOfOtherMachinesAreLeftAlone() async throws {
    for command in ["start-runner", "stop-runner", "restart-runner"] {
      let fixture = try CommandFixture()
      let result = try await run([command], fixture: fixture) { _ in .json("{}") }
      #expect(result.status == 1)
      #expect(result.requests.isEmpty)
      #expect(fixture.errors.contains("MODEL_RUNNER_HOST names the daemon"))
    }
  }

  @Test func graphicsProcessorsAreNamedAsTheReferenceNamesThem() async throws {
    for command in ["start-runner", "restart-runner", "reinstall-runner"] {
      let fixture = try CommandFixture()
      #expect(await fixture.run([command, "--gpu", "voodoo"], fixture.context()) != 0)
      #expect(fixture.errors.contains("unknown GPU specification: \"voodoo\""))
    }
  }

  @Test func stoppingWithoutADaemonIsNoError() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["stop-runner"], fixture.context()) == 0)
    #expect(fixture.output == "The petrel daemon is not running\n")
  }
}
