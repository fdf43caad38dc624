// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelLibrary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct HubPullTests {
  private static let template = "{{ messages }}"
  private static let q4 = TinyGGUF.bytes(template: template, seed: 4)
  private static let q8 = TinyGGUF.bytes(template: template, dataSize: 3_000_000, seed: 8)
  private static let success = "Model pulled successfully"

  private func addModel(to hub: FakeHub) {
    hub.commit(
      "Org/Model-GGUF", large: ["m-Q4_K_M.gguf": Self.q4, "m-Q8_0.gguf": Self.q8, "mmproj-F16.gguf": [9, 9]],
      small: ["LICENSE": Array("MIT\n".utf8), "README.md": Array("read me".utf8), "config.json": Array("{}".utf8)])
  }

  @Test func fetchesWhatIsPackagedAndNothingElse() async throws {
    try await HubFixture.with { fixture in
      addModel(to: fixture.hub)
      #expect(try await fixture.pull("hf.co/Org/Model-GGUF:Q8_0").message == Self.success)
      let model = try await fixture.library.resolve("hf.co/org/model-gguf:Q8_0")
      #expect(model.tags == ["huggingface.co/org/model-gguf:Q8_0"])
      #expect(model.manifest.layers.map(\.mediaType) == [MediaType.gguf, MediaType.license, MediaType.mmproj])
      #expect(model.manifest.layers.map(\.annotatedPath) == ["m-Q8_0.gguf", "LICENSE", "mmproj-F16.gguf"])
      #expect(model.manifest.layers[0].digest == Digest(of: Self.q8))
      #expect(try await fixture.content(model.manifest.layers[1]) == Array("MIT\n".utf8))
      #expect(model.manifest.config.mediaType == MediaType.configV01)
      #expect(model.config.format == "gguf" && model.config.architecture == "llama")
      #expect(model.config.quantization == "MOSTLY_Q8_0" && model.config.contextSize == 4096)
      #expect(model.created == 1_714_557_600)
      let resolved = Set(fixture.hub.requests.filter { $0.path.contains("/resolve/") }.map(\.path))
      #expect(!resolved.contains { $0.hasSuffix("README.md") || $0.hasSuffix("Q4_K_M.gguf") || $0.hasSuffix(".json") })
    }
  }

  @Test func largeFilesComeInRanges() async throws {
    var limits = TransferLimits()
    limits.rangesFrom = 1024 * 1024
    limits.chunkSize = 256 * 1024
    limits.slowAfter = .seconds(300)
    try await HubFixture.with(limits: limits) { fixture in
      addModel(to: fixture.hub)
      let path = "/store/\(Digest(of: Self.q8).hex)"
      #expect(try await fixture.pull("hf.co/Org/Model-GGUF:Q8_0").message == Self.success)
      let weights = try await fixture.library.resolve("hf.co/Org/Model-GGUF:Q8_0").manifest.layers[0]
      #expect(try await fixture.content(weights) == Self.q8)
      let asked = fixture.hub.storeRequests.filter { $0.path == path }.map { $0.range ?? "" }
      #expect(asked.count >= 2 && asked.allSatisfy { $0.wholeMatch(of: /bytes=[0-9]+-[0-9]+/) != nil })
    }
  }

  @Test func theSameRevisionIsTheSameModelForEverybody() async throws {
    var models: [StoredModel] = []
    for name in ["hf.co/Org/Model-GGUF", "huggingface.co/org/model-gguf:Q4_K_M"] {
      try await HubFixture.with { fixture in
        addModel(to: fixture.hub)
        try await fixture.pull(name)
        models.append(try await fixture.library.resolve(name))
      }
    }
    #expect(models.count == 2 && models[0].id == models[1].id)
    #expect(
      models[0].manifest.annotations == [
        "org.opencontainers.image.source": "https://huggingface.co/Org/Model-GGUF",
        "org.opencontainers.image.revision": String(repeating: "c", count: 39) + "1",
      ])
    let metadata = models[0].manifest.layers[0].annotations?[LayerAnnotation.fileMetadata]
    #expect(metadata?.contains(#""mode":420,"uid":0,"gid":0"#) == true)
    #expect(metadata?.contains(#""mtime":"2024-05-01T10:00:00Z""#) == true)
  }

  @Test func aSecondPullAsksForTheCommitAlone() async throws {
    try await HubFixture.with { fixture in
      addModel(to: fixture.hub)
      try await fixture.pull("hf.co/Org/Model-GGUF")
      let id = try await fixture.library.resolve("hf.co/Org/Model-GGUF").id
      let cached = "Using cached model: huggingface.co/org/model-gguf (\(id.short))"
      fixture.hub.forgetRequests()
      // As the name is stored and listed; the hub is asked by the repository's own name.
      #expect(try await fixture.pull("huggingface.co/org/model-gguf:latest").message == cached)
      #expect(fixture.hub.requests.map(\.path) == ["/api/models/Org/Model-GGUF/revision/main"])

      // A commit that touches none of the model's files.
      fixture.hub.commit(
        "Org/Model-GGUF", large: ["m-Q4_K_M.gguf": Self.q4, "mmproj-F16.gguf": [9, 9]],
        small: ["LICENSE": Array("MIT\n".utf8), "README.md": Array("new text".utf8)],
        lastModified: "2025-01-01T00:00:00.000Z")
      #expect(try await fixture.pull("hf.co/Org/Model-GGUF").message == cached)
      #expect(fixture.hub.storeRequests.isEmpty)

      let changed = TinyGGUF.bytes(template: Self.template, seed: 5)
      fixture.hub.commit("Org/Model-GGUF", large: ["m-Q4_K_M.gguf": changed])
      #expect(try await fixture.pull("hf.co/Org/Model-GGUF").message == Self.success)
      let new = try await fixture.library.resolve("hf.co/Org/Model-GGUF")
      #expect(new.id != id && new.manifest.layers.map(\.digest) == [Digest(of: changed)])
    }
  }

  @Test func aFileThatIsLostIsBroughtAgain() async throws {
    try await HubFixture.with { fixture in
      addModel(to: fixture.hub)
      try await fixture.pull("hf.co/Org/Model-GGUF")
      let model = try await fixture.library.resolve("hf.co/Org/Model-GGUF")
      let weights = model.manifest.layers[0]
      try FileManager.default.removeItem(atPath: fixture.store.layout.blob(weights.digest).string)
      #expect(try await fixture.pull("hf.co/Org/Model-GGUF").message == Self.success)
      #expect(try await fixture.content(weights) == Self.q4)
      #expect(try await fixture.library.resolve("hf.co/Org/Model-GGUF").id == model.id)
    }
  }

  @Test func withoutNetworkTheLocalModelIsUsedAndThatIsSaid() async throws {
    try await HubFixture.with { fixture in
      addModel(to: fixture.hub)
      try await fixture.pull("hf.co/Org/Model-GGUF")
      await fixture.hub.goOffline()
      let line = try await fixture.pull("hf.co/Org/Model-GGUF")
      #expect(line.type == .success)
      #expect(line.message.hasPrefix("Using cached model: huggingface.co/org/model-gguf ("))
      #expect(line.message.contains("not checked: "))
      let absent = await libraryError { try await fixture.library.pull("hf.co/Org/Other") }
      #expect(absent?.code == .registry)
    }
  }

  @Test func revisionsAreModelsOfTheirOwn() async throws {
    try await HubFixture.with { fixture in
      let old = fixture.hub.commit("Org/M", large: ["m-Q4_K_M.gguf": Self.q4])
      fixture.hub.name(old, "v1.0", in: "Org/M")
      fixture.hub.commit("Org/M", large: ["m-Q4_K_M.gguf": Self.q8])
      try await fixture.pull("hf.co/Org/M")
      try await fixture.pull("hf.co/Org/M@v1.0")
      let tags = try await fixture.library.list().flatMap(\.tags)
      #expect(Set(tags) == ["huggingface.co/org/m:latest", "huggingface.co/org/m:latest--v1.0"])
      let model = try await fixture.library.resolve("hf.co/Org/M@v1.0")
      #expect(model.manifest.layers.map(\.digest) == [Digest(of: Self.q4)])
    }
  }

  @Test func goesOnWhereTheStreamBrokeAndFetchesWrongBytesAgain() async throws {
    try await HubFixture.with { fixture in
      addModel(to: fixture.hub)
      let path = "/store/\(Digest(of: Self.q8).hex)"
      // The first request is the look at the header.
      fixture.hub.inject(.ignoreRange, at: path)
      fixture.hub.inject(.close(afterBytes: 2_000_000), at: path)
      #expect(try await fixture.pull("hf.co/Org/Model-GGUF:Q8_0").message == Self.success)
      let ranges = fixture.hub.storeRequests.filter { $0.path == path }.map { $0.range ?? "" }
      #expect(ranges.count == 3 && ranges[1] == "" && ranges[2].hasPrefix("bytes="))

      fixture.hub.commit("Org/Second", large: ["m.gguf": Self.q4])
      _ = try await fixture.library.remove("hf.co/Org/Model-GGUF:Q8_0")
      let second = "/store/\(Digest(of: Self.q4).hex)"
      fixture.hub.inject(.ignoreRange, at: second)
      fixture.hub.inject(.wrongBytes, at: second)
      #expect(try await fixture.pull("hf.co/Org/Second").message == Self.success)
    }
  }

  @Test func gatedRepositoriesSayWhatToDoBeforeAnythingMoves() async throws {
    try await HubFixture.with(environment: ["HF_TOKEN": "of-daemon"]) { fixture in
      addModel(to: fixture.hub)
      fixture.hub.gate("Org/Model-GGUF", tokens: ["of-user"])
      let refused = await libraryError { try await fixture.library.pull("hf.co/Org/Model-GGUF") }
      #expect(refused?.code == .tokenRequired)
      #expect(refused?.message.contains("https://huggingface.co/Org/Model-GGUF") == true)
      #expect(fixture.hub.requests.last?.authorization == "Bearer of-daemon")
      // What comes with the request wins.
      let line = try await fixture.pull("hf.co/Org/Model-GGUF", token: "of-user")
      #expect(line.message == Self.success)
      #expect(fixture.hub.storeRequests.allSatisfy { $0.authorization == nil })
    }
  }

  @Test func whatIsNotThereIsRefusedBeforeAnythingMoves() async throws {
    try await HubFixture.with { fixture in
      addModel(to: fixture.hub)
      let quantization = await libraryError { try await fixture.library.pull("hf.co/Org/Model-GGUF:Q2_K") }
      #expect(quantization?.code == .invalidRequest)
      #expect(quantization?.message.contains("it has Q4_K_M, Q8_0") == true)
      let digest = await libraryError {
        try await fixture.library.pull("hf.co/Org/Model-GGUF@sha256:\(String(repeating: "a", count: 64))")
      }
      #expect(digest?.code == .invalidReference)
      fixture.hub.commit("Org/Code", small: ["main.py": [1]])
      let nothing = await libraryError { try await fixture.library.pull("hf.co/Org/Code") }
      #expect(nothing?.code == .unsupportedArtifact)
      #expect(fixture.hub.storeRequests.isEmpty)
      let models = try await fixture.library.list()
      #expect(models.isEmpty)
    }
  }

  @Test func headersThatAreLongAreReadFurther() async throws {
    try await HubFixture.with { fixture in
      let weights = TinyGGUF.bytes(filler: 2_500_000, dataSize: 9_000_000)
      fixture.hub.commit("Org/Long", large: ["m.gguf": weights])
      try await fixture.pull("hf.co/Org/Long")
      #expect(try await fixture.library.resolve("hf.co/Org/Long").config.contextSize == 4096)
      #expect(
        fixture.hub.storeRequests.prefix(2).map(\.range) == ["bytes=0-1048575", "bytes=1048576-8388607"])
    }
  }

  @Test(
    arguments: [
      (["t.jinja": "jinja", "tokenizer_config.json": #"{"chat_template":"json"}"#], nil, "jinja"),
      (["tokenizer_config.json": #"{"chat_template":"json"}"#], "own", nil),
      (["tokenizer_config.json": #"{"chat_template":"json"}"#], nil, "json"),
      (
        [
          "chat_template.json": #"{"chat_template":[{"name":"tool","template":"t"},{"name":"default","template":"d"}]}"#
        ],
        nil, "d"
      ),
      (["tokenizer_config.json": #"{"eos_token":"x"}"#], nil, nil),
      (["tokenizer_config.json": "no json"], nil, nil),
    ] as [([String: String], String?, String?)])
  func templatesAreJinjaAlways(files: [String: String], own: String?, template: String?) async throws {
    try await HubFixture.with { fixture in
      fixture.hub.commit(
        "Org/T", large: ["m.gguf": TinyGGUF.bytes(template: own)], small: files.mapValues { Array($0.utf8) })
      try await fixture.pull("hf.co/Org/T")
      let layers = try await fixture.library.resolve("hf.co/Org/T").manifest.layers
      let found = layers.first { $0.mediaType == MediaType.chatTemplate }
      if let template, let found {
        #expect(try await fixture.content(found) == Array(template.utf8))
        #expect(found.annotatedPath?.hasSuffix(".jinja") == true)
      } else {
        #expect(template == nil && found == nil)
      }
    }
  }

  @Test func safetensorsRepositoriesAreFolders() async throws {
    func safetensors(_ header: String) -> [UInt8] {
      let length = UInt64(header.utf8.count)
      return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + [0, 0, 0, 0]
    }
    try await HubFixture.with { fixture in
      fixture.hub.commit(
        "Org/S",
        large: [
          "model-00001-of-00002.safetensors": safetensors(
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[1000,2000],"data_offsets":[0,4]}}"#),
          "model-00002-of-00002.safetensors": safetensors(
            #"{"b":{"dtype":"BF16","shape":[500],"data_offsets":[0,4]}}"#),
        ],
        small: [
          "config.json": Array(#"{"architectures":["LlamaForCausalLM"],"max_position_embeddings":8192}"#.utf8),
          "sub/merges.txt": Array("a b".utf8), "LICENSE": Array("MIT".utf8), "model.py": Array("no".utf8),
        ])
      try await fixture.pull("hf.co/Org/S")
      let model = try await fixture.library.resolve("hf.co/Org/S")
      #expect(model.manifest.config.mediaType == MediaType.configV02)
      #expect(
        model.manifest.layers.map(\.annotatedPath) == [
          "LICENSE", "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
          "sub/merges.txt",
        ])
      #expect(
        model.manifest.layers.map(\.mediaType) == [
          MediaType.license, MediaType.modelFile, MediaType.safetensors, MediaType.safetensors, MediaType.modelFile,
        ])
      #expect(model.config.format == "safetensors" && model.config.architecture == "LlamaForCausalLM")
      #expect(model.config.parameters == "2.00M" && model.config.quantization == "BF16")
      #expect(model.config.contextSize == 8192)
      #expect(model.config.safetensors == ["format": "pt", "tensor_count": "2"])
    }
  }

  @Test func imagesInOneFileKeepItsName() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.commit("Org/D", large: ["sd.dduf": [UInt8](repeating: 3, count: 1500)])
      try await fixture.pull("hf.co/Org/D")
      let model = try await fixture.library.resolve("hf.co/Org/D")
      #expect(model.manifest.layers.map(\.mediaType) == [MediaType.dduf])
      #expect(model.config.format == "dduf" && model.config.size == "1.50kB")
      #expect(model.config.diffusers == ["dduf_file": "sd.dduf", "layout": "dduf"])
    }
  }

  @Test func theHubsModelsAreDescribedWithoutTheirWeights() async throws {
    try await HubFixture.with { fixture in
      addModel(to: fixture.hub)
      let object = try await fixture.library.inspectRemote("hf.co/Org/Model-GGUF:Q8_0")
      #expect(object.config.quantization == "MOSTLY_Q8_0")
      try await fixture.pull("hf.co/Org/Model-GGUF:Q8_0")
      #expect(try await fixture.library.resolve("hf.co/Org/Model-GGUF:Q8_0").id == object.id)
    }
  }
}
