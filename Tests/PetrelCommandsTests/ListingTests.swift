// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelAPI
import PetrelOCI
import Testing

@testable import PetrelCommands

struct ModelNamesTests {
  @Test(arguments: [
    ("ai/gemma3:latest", "gemma3"), ("gemma3:latest", "gemma3"), ("docker.io/ai/gemma3:latest", "gemma3"),
    ("index.docker.io/ai/gemma3:latest", "gemma3"), ("docker.io/ai/gemma3:v1", "gemma3:v1"),
    ("index.docker.io/myorg/gemma3:latest", "myorg/gemma3"), ("hf.co/bartowski/model:latest", "hf.co/bartowski/model"),
    ("hf.co/bartowski/model:Q4_K_S", "hf.co/bartowski/model:Q4_K_S"), ("", ""),
  ])
  func displayNames(tag: String, name: String) {
    #expect(ModelNames().display(tag) == name)
    #expect(ModelNames(defaultRegistry: "docker.io").display(tag) == name)
  }

  @Test func anotherDefaultRegistryIsHiddenInstead() {
    let names = ModelNames(defaultRegistry: "reg.example:5000")
    #expect(names.display("reg.example:5000/ai/m:latest") == "m")
    #expect(names.display("docker.io/ai/m:latest") == "docker.io/ai/m")
  }

  @Test(arguments: [
    ("smollm2", "docker.io/ai/smollm2:latest", true), ("smollm2", "docker.io/ai/smollm2:v1", true),
    ("ai/SmolLM2:latest", "docker.io/ai/smollm2:latest", true), ("smollm2:v1", "docker.io/ai/smollm2:latest", false),
    ("localhost:5000/m", "localhost:5000/m:v2", true), ("localhost:5000/m:v1", "localhost:5000/m:v2", false),
    ("smollm", "docker.io/ai/smollm2:latest", false), ("//", "docker.io/ai/smollm2:latest", false),
  ])
  func filters(filter: String, tag: String, matches: Bool) {
    #expect(ModelNames().matches(tag, filter: filter) == matches)
  }

  @Test func tokensAreForHuggingFaceOnly() throws {
    let context = try CommandFixture().context(environment: ["HF_TOKEN": "t"])
    #expect(ModelNames.bearerToken(for: "HF.co/a/b", in: context) == "t")
    #expect(ModelNames.bearerToken(for: "huggingface.co/a/b", in: context) == "t")
    #expect(ModelNames.bearerToken(for: "ai/hf.co", in: context) == nil)
    let older = try CommandFixture().context(environment: ["HUGGING_FACE_HUB_TOKEN": "o"])
    #expect(ModelNames.bearerToken(for: "hf.co/a/b", in: older) == "o")
  }
}

struct ModelListingTests {
  private func model(_ tags: [String], digit: Character = "a") throws -> ModelObject {
    let id = try #require(Digest(hex: String(repeating: digit, count: 64)))
    let config = ModelConfig(
      format: "gguf", quantization: "Q4_0", parameters: "1M", architecture: "llama", size: "1MiB",
      gguf: ["general.architecture": "qwen3", "qwen3.context_length": "40960"])
    return ModelObject(id: id, tags: tags, created: 1_800_000_000 - 3 * 86400, config: config)
  }

  @Test func sortsByNameThenVariant() throws {
    let models = try ["qwen3-coder:latest", "qwen3:0.6B-F16", "qwen3:latest", "qwen3-coder:30B", "qwen3:14B-Q6_K"]
      .map { try model([$0]) }
    #expect(
      ModelListing(models, names: ModelNames()).displayedNames
        == ["qwen3", "qwen3:0.6B-F16", "qwen3:14B-Q6_K", "qwen3-coder", "qwen3-coder:30B"])
  }

  @Test func ignoresCaseAndShowsUntaggedModels() throws {
    let models = [
      try model(["Zebra:latest"]), try model([]), try model(["apple:latest"]), try model(["Mango:latest"]),
      try model([]),
    ]
    #expect(
      ModelListing(models, names: ModelNames()).displayedNames == ["<none>", "<none>", "apple", "Mango", "Zebra"])
  }

  @Test func hasARowForEachTag() throws {
    let models = [try model(["zebra:latest", "apple:v1"]), try model(["mango:latest", "banana:v2"])]
    #expect(ModelListing(models, names: ModelNames()).displayedNames == ["apple:v1", "banana:v2", "mango", "zebra"])
  }

  @Test func showsAllColumns() throws {
    let listing = ModelListing([try model(["docker.io/ai/x:latest"])], names: ModelNames())
    #expect(
      listing.rendered(now: 1_800_000_000)
        == """
        MODEL NAME··PARAMETERS··QUANTIZATION··ARCHITECTURE··MODEL ID······CREATED·····CONTEXT··SIZE
        x···········1M··········Q4_0··········llama·········aaaaaaaaaaaa··3 days ago··40960····1MiB

        """.replacing("·", with: " "))
  }
}

struct BackendListingTests {
  @Test(arguments: [
    ("Running: llama.cpp b123", "Running", "llama.cpp b123"), ("Not Installed", "Not Installed", ""),
    ("", "Not Installed", ""), ("weird", "Error", "weird"), ("Runningman", "Error", "Runningman"),
  ])
  func readsStates(text: String, name: String, details: String) {
    let state = BackendListing.State(text)
    #expect(state.name == name)
    #expect(state.details == details)
  }

  @Test func sortsByStateThenName() {
    let table = BackendListing([
      "b": "Installing", "c": "Running", "a": "Not Installed: x", "d": "Error: y", "e": "Running",
    ])
    let names = table.rendered().split(separator: "\n").dropFirst().map { $0.prefix(1) }
    #expect(names == ["c", "e", "d", "a", "b"])
  }
}

struct RunnerListingTests {
  private func until(
    lastUsed: String = "0001-01-01T00:00:00Z", inUse: Bool = false, loading: Bool = false, keepAlive: String? = nil
  ) -> String {
    // 2027-01-15T08:00:00Z
    RunnerListing.until(
      RunnerObject(
        backendName: "llama.cpp", modelName: "m", mode: "completion", lastUsed: lastUsed, inUse: inUse,
        loading: loading, keepAlive: keepAlive), now: 1_800_000_000)
  }

  @Test func tellsWhenARunnerEnds() {
    #expect(until(inUse: true) == "5 minutes from now")
    #expect(until() == "5 minutes from now")
    #expect(until(keepAlive: "-1") == "Forever")
    #expect(until(loading: true) == "Loading...")
    #expect(until(lastUsed: "2027-01-15T07:50:00Z") == "Expiring")
    #expect(until(lastUsed: "2027-01-15T07:59:00.123456789Z", keepAlive: "1h0m0s") == "59 minutes from now")
  }

  @Test func shortensNames() {
    let runners = ["docker.io/ai/SmolLM2:latest", "sha256:0123456789abcdef"].map {
      RunnerObject(
        backendName: "llama.cpp", modelName: $0, mode: "completion", lastUsed: "", inUse: false, loading: true)
    }
    let lines = RunnerListing(runners, names: ModelNames()).rendered(now: 0).split(separator: "\n")
    #expect(lines.map { $0.prefix { $0 != " " } } == ["MODEL", "smollm2", "0123456789ab"])
  }
}
