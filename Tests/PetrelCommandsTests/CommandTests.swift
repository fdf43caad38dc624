// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelCommands

struct CommandTests {
  private static let id = "sha256:" + String(repeating: "a", count: 64)
  private static let model =
    #"{"id":"\#(id)","tags":["docker.io/ai/m:latest"],"created":1742387696,"config":{"format":"gguf","size":"1MiB"}}"#

  private func run(
    _ words: [String], environment: [String: String] = [:], fixture: CommandFixture,
    respond: @escaping @Sendable (StubDaemon.Request) -> StubDaemon.Response
  ) async throws -> (status: Int32, requests: [StubDaemon.Request]) {
    try await StubDaemon.serving(respond) { stub in
      let all = environment.merging(["MODEL_RUNNER_HOST": stub.address]) { $1 }
      let status = await fixture.run(words, fixture.context(environment: all))
      return (status, stub.requests)
    }
  }

  @Test func listsAsJSON() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["ls", "--json"], fixture: fixture) { _ in .json("[\(Self.model)]") }
    #expect(result.status == 0)
    #expect(fixture.output.hasPrefix("[\n    {\n        \"id\": \"\(Self.id)\",\n        \"tags\": [\n"))
    #expect(fixture.errors.isEmpty)
  }

  @Test func anEmptyListIsAnArray() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["list", "nope", "--json"], fixture: fixture) { _ in .json("[\(Self.model)]") }
    #expect(result.status == 0)
    #expect(fixture.output == "[]\n")
  }

  @Test func listsShortIDs() async throws {
    let fixture = try CommandFixture()
    _ = try await run(["ls", "-q"], fixture: fixture) { _ in .json("[\(Self.model)]") }
    #expect(fixture.output == "aaaaaaaaaaaa\n")
  }

  @Test func tagsWithAFullName() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["tag", "m", "MyOrg/X:V1"], fixture: fixture) { _ in .json("{}", status: 201) }
    #expect(result.status == 0)
    #expect(result.requests.map(\.uri) == ["/models/m/tag?repo=docker.io%2Fmyorg%2Fx&tag=V1"])
    #expect(fixture.output == "Model \"m\" tagged successfully with \"MyOrg/X:V1\"\n")
  }

  @Test func removalGoesOnAfterAFailure() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["rm", "gone", "m"], fixture: fixture) { request in
      request.uri.contains("gone")
        ? .init(404, chunks: ["error while deleting model: model not found"])
        : .json(#"[{"Untagged":"docker.io/ai/m:latest"},{"Deleted":"\#(Self.id)"}]"#)
    }
    #expect(result.status == 1)
    #expect(fixture.output == "Untagged: docker.io/ai/m:latest\nDeleted: \(Self.id)\n")
    #expect(fixture.errors == "Error: Failed to remove model: no such model: gone\n")
  }

  @Test func inspectTellsHowToGetAModel() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["inspect", "m"], fixture: fixture) { _ in .init(404, chunks: ["model not found"]) }
    #expect(result.status == 1)
    #expect(fixture.output.isEmpty)
    #expect(fixture.errors == "Error: Failed to get model m: m: model not found; pull it with `petrel pull m`\n")
  }

  @Test func statusIsOneLineOfJSON() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["status", "--json"], fixture: fixture) { _ in .json(#"{"llama.cpp":"Running"}"#) }
    #expect(result.status == 0)
    let host = fixture.output.split(separator: "\"").first { $0.hasPrefix("http") } ?? ""
    #expect(
      fixture.output
        == #"{"running":true,"backends":{"llama.cpp":"Running"},"kind":"Docker Engine (Manual Install)","#
        + #""endpoint":"\#(host)","endpointHost":"\#(host)"}"#
        + "\n")
    #expect(host.hasSuffix("/v1/"))
    #expect(fixture.errors.isEmpty)
  }

  @Test func statusWithoutADaemonStartsNone() async throws {
    let fixture = try CommandFixture()
    let environment = ["MODEL_RUNNER_PORT": "1"]
    #expect(await fixture.run(["status"], fixture.context(environment: environment)) == 1)
    #expect(fixture.output == "Docker Model Runner is not running\n")
    #expect(await fixture.run(["status", "--json"], fixture.context(environment: environment)) == 0)
    #expect(fixture.output.contains(#""running":false,"backends":null"#))
    #expect(
      fixture.output.contains(
        #""endpoint":"http://host.docker.internal:1/v1/","endpointHost":"http://127.0.0.1:1/v1/""#))
    #expect(await fixture.run(["version"], fixture.context(environment: environment)) == 0)
    #expect(fixture.output.contains("Server:\n Version:    (not reachable)\n"))
    #expect(fixture.launches.isEmpty)
  }

  @Test func anUnknownCommandFails() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["pul", "x"], fixture.context()) == 1)
    #expect(fixture.output.isEmpty)
    #expect(fixture.errors.contains("unknown command \"pul\". Did you mean \"pull\"?"))
  }

  @Test func helpSpeaksOfTheProgramsName() async throws {
    let fixture = try CommandFixture()
    let context = fixture.context()
    let plugin = Invocation(arguments: ["docker-model", "pull", "--help"], environment: [:])
    #expect(await PetrelProgram.run(plugin, context) == 0)
    #expect(fixture.output.contains("USAGE: docker model pull "))
    #expect(await fixture.run(["ls", "a", "b"], context) == 1)
    #expect(fixture.errors.contains("Usage: petrel list"))
  }

  @Test func packagesFilesFromARelativePath() async throws {
    let fixture = try CommandFixture()
    try Data("GGUF".utf8).write(to: URL(filePath: fixture.folder.appending("m.gguf").string))
    let result = try await run(["package", "--gguf", "m.gguf", "my/m:v1"], fixture: fixture) { request in
      request.uri == "/models/load"
        ? .json(
          #"{"type":"success","message":"Loaded","total":0,"layer":{"size":0,"current":0},"mode":"pull"}"#
        )
        : .json("{}", status: 201)
    }
    #expect(result.status == 0)
    #expect(fixture.output.isEmpty)
    #expect(fixture.errors.contains("m.gguf cannot be read"))
    #expect(fixture.errors.contains("no engine will run it as it is"))
    #expect(
      fixture.errors.hasSuffix(
        "Loading model to Model Runner...\nModel loaded successfully, but see the warning above\n"))
    let uris = result.requests.map(\.uri)
    #expect(uris.count == 2)
    #expect(uris[1].hasPrefix("/models/sha256:"))
    #expect(uris[1].hasSuffix("/tag?repo=docker.io%2Fmy%2Fm&tag=v1"))
    #expect(result.requests[0].headers["Content-Length"] == ["\(result.requests[0].body.utf8.count)"])
  }

  @Test func makesAVariant() async throws {
    let fixture = try CommandFixture()
    let result = try await run(["package", "--from", "m", "--context-size", "4096", "v"], fixture: fixture) { _ in
      .json("{}", status: 201)
    }
    #expect(result.status == 0)
    #expect(result.requests.map(\.uri) == ["/models/m/repackage"])
    #expect(result.requests.map(\.body) == [#"{"target":"v","context_size":4096}"#])
    #expect(fixture.errors.hasSuffix("Model variant created successfully\n"))
  }
}

struct TransferTests {
  private static let success =
    #"{"type":"success","message":"Model pulled successfully","total":0,"layer":{"size":0,"current":0},"mode":"pull"}"#

  /// Pulls from a stub that gives these answers in turn, the last one again and again.
  private func pull(_ answers: [StubDaemon.Response], _ fixture: CommandFixture) async throws -> (Int32, Int) {
    let counter = Counter()
    return try await StubDaemon.serving({ _ in answers[min(counter.next(), answers.count - 1)] }) { stub in
      let context = fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address])
      return (await fixture.run(["pull", "m"], context), stub.requests.count)
    }
  }

  @Test func retriesPassingFaults() async throws {
    let fixture = try CommandFixture()
    let bad = StubDaemon.Response(502, chunks: ["bad gateway"])
    let (status, requests) = try await pull([bad, bad, .json(Self.success)], fixture)
    #expect(status == 0)
    #expect(requests == 3)
    #expect(fixture.slept == [.seconds(1), .seconds(2)])
    #expect(fixture.output == "Model pulled successfully\n")
    #expect(fixture.errors.contains("\nRetrying download (attempt 1/4) in 1s"))
    #expect(fixture.errors.contains("\nRetrying download (attempt 2/4) in 2s"))
  }

  @Test func retriesATornStream() async throws {
    let fixture = try CommandFixture()
    let torn = StubDaemon.Response(200, chunks: ["{"], ending: .cutOff)
    let (status, requests) = try await pull([torn, .json(Self.success)], fixture)
    #expect(status == 0)
    #expect(requests == 2)
  }

  @Test func givesUpAfterFourRetries() async throws {
    let fixture = try CommandFixture()
    let (status, requests) = try await pull([StubDaemon.Response(503, chunks: ["busy"])], fixture)
    #expect(status == 1)
    #expect(requests == 5)
    #expect(fixture.slept == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
    #expect(fixture.errors.hasSuffix("Error: Failed to pull model m: download failed after 4 retries: busy\n"))
  }

  @Test func waitsAsLongAsItIsAsked() async throws {
    let fixture = try CommandFixture()
    let busy = StubDaemon.Response(429, headers: [("Retry-After", "5")], chunks: ["slow down"])
    let (status, _) = try await pull([busy, .json(Self.success)], fixture)
    #expect(status == 0)
    #expect(fixture.slept == [.seconds(5)])
  }

  @Test(arguments: [404, 422, 500])
  func doesNotRetryOtherFailures(code: Int) async throws {
    let fixture = try CommandFixture()
    let (status, requests) = try await pull([StubDaemon.Response(code, chunks: ["no such thing"])], fixture)
    #expect(status == 1)
    #expect(requests == 1)
    #expect(fixture.errors == "Error: Failed to pull model m: no such thing\n")
  }

  @Test func doesNotWaitForADaemonThatNeverAnswered() async throws {
    let fixture = try CommandFixture()
    let context = fixture.context(environment: ["MODEL_RUNNER_HOST": "127.0.0.1:1"])
    #expect(await fixture.run(["pull", "m"], context) == 1)
    #expect(fixture.slept.isEmpty)
    #expect(fixture.errors.contains("petrel serve"))
  }
}
