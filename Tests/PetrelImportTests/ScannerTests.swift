// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelImport

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct ScannerTests {
  private static let weights = TinyGGUF.bytes()

  // MARK: Ollama

  /// Writes a blob as Ollama does and returns its layer.
  private func layer(_ kind: String, _ content: [UInt8], in root: FilePath, size: Int? = nil) throws -> String {
    let digest = Digest(of: content)
    try root.appending("blobs").appending("sha256-\(digest.hex)").write(content)
    return
      #"{"mediaType":"application/vnd.ollama.image.\#(kind)","digest":"\#(digest)","size":\#(size ?? content.count)}"#
  }

  private func manifest(_ layers: [String], _ name: String, in root: FilePath) throws {
    let text = """
      {"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":
      "application/vnd.docker.container.image.v1+json","digest":"\(Digest(ofText: "c"))","size":1},
      "layers":[\(layers.joined(separator: ","))]}
      """
    try root.appending("manifests").pushing(FilePath(name)).write(text)
  }

  @Test func ollamasModelsComeWithLicencesParametersAndProjector() async throws {
    try await withTemporaryFolder { root in
      let model = try layer("model", Self.weights, in: root)
      try manifest(
        [
          model, layer("projector", [1, 2], in: root), layer("template", Array("{{ .Prompt }}".utf8), in: root),
          layer("license", Array("MIT".utf8), in: root), layer("license", Array("more".utf8), in: root),
          layer("params", Array(#"{"num_ctx":8192,"stop":["x"]}"#.utf8), in: root),
          layer("system", Array("Be brief.".utf8), in: root),
        ], "registry.ollama.ai/library/llama3/8b", in: root)
      try manifest([model], "hf.co/Org/Model-GGUF/Q4_K_M", in: root)
      #expect(ImportSource(at: root).kind == .ollama)
      let findings = ImportSource(at: root).findings()
      #expect(findings.skipped.isEmpty)
      #expect(
        findings.models.map(\.name) == [
          "huggingface.co/org/model-gguf:Q4_K_M", "registry.ollama.ai/library/llama3:8b",
        ])
      let found = try #require(findings.models.last)
      #expect(
        found.files.map(\.mediaType) == [MediaType.gguf, MediaType.license, MediaType.license, MediaType.mmproj])
      #expect(found.files.map(\.name) == ["model.gguf", "LICENSE", "LICENSE-2", "mmproj.gguf"])
      #expect(found.files[0].digest == Digest(of: Self.weights))
      #expect(found.contextSize == 8192)
      #expect(found.notices == ["its system prompt is not taken over"])
      #expect(found.size == Int64(Self.weights.count + 2 + 3 + 4))
    }
  }

  @Test func ollamasOtherModelsAreSkippedWithAReason() async throws {
    try await withTemporaryFolder { root in
      let model = try layer("model", Self.weights, in: root)
      try manifest([layer("model", [1], in: root, size: 2)], "h.io/a/short/latest", in: root)
      try manifest([model, layer("adapter", [3], in: root)], "h.io/a/lora/latest", in: root)
      try manifest([model, layer("model", [4], in: root)], "h.io/a/parts/latest", in: root)
      try manifest([layer("tensor; name=x", [5], in: root)], "h.io/a/tensors/latest", in: root)
      try root.appending("manifests").pushing("h.io/a/junk/latest").write("no json")
      let findings = OllamaStore(root: root).findings()
      #expect(findings.models.isEmpty)
      #expect(
        findings.skipped == [
          "h.io/a/junk/latest: its manifest cannot be read",
          "h.io/a/lora/latest: it is an adapter for another model",
          "h.io/a/parts/latest: its weights are in 2 parts",
          "h.io/a/short/latest: its file \(Digest(of: [1]).short) is missing or not whole",
          "h.io/a/tensors/latest: it has no GGUF weights",
        ])
    }
  }

  // MARK: Hugging Face's cache

  private func cached(_ name: String, _ content: [UInt8], in repository: FilePath, commit: String) throws {
    let digest = Digest(of: content)
    try repository.appending("blobs").appending(digest.hex).write(content)
    let file = repository.appending("snapshots").appending(commit).pushing(FilePath(name))
    let folder = file.removingLastComponent().string
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let up = String(repeating: "../", count: 2 + name.split(separator: "/").count - 1)
    try FileManager.default.createSymbolicLink(
      atPath: file.string, withDestinationPath: "\(up)blobs/\(digest.hex)")
  }

  @Test func theHubsCacheHasOneModelForEachQuantization() async throws {
    try await withTemporaryFolder { root in
      let repository = root.appending("models--Org--Mo--del")
      let q8 = TinyGGUF.bytes(seed: 8)
      try cached("m-Q4_K_M.gguf", Self.weights, in: repository, commit: "abc")
      try cached("big/m-Q8_0.gguf", q8, in: repository, commit: "abc")
      try cached("LICENSE", Array("MIT".utf8), in: repository, commit: "abc")
      try cached("m-Q2_K-00001-of-00002.gguf", [1], in: repository, commit: "abc")
      try cached("m-Q6_K.gguf", [9], in: repository, commit: "old")
      try repository.appending("refs").appending("main").write("abc")
      try root.appending("models--Org--Empty").appending("refs").appending("main").write("x")
      let findings = ImportSource(at: root).findings()
      #expect(
        findings.models.map(\.name) == ["huggingface.co/org/mo--del:Q8_0", "huggingface.co/org/mo--del:Q4_K_M"])
      #expect(findings.skipped == ["Org/Empty: its download has not begun or was removed"])
      let found = try #require(findings.models.last)
      #expect(found.files.map(\.name) == ["m-Q4_K_M.gguf", "LICENSE"])
      #expect(found.files[0].digest == Digest(of: Self.weights))
    }
  }

  @Test func safetensorsInTheCacheAreFolders() async throws {
    try await withTemporaryFolder { root in
      let repository = root.appending("models--Org--S")
      try cached("model.safetensors", [1, 2], in: repository, commit: "abc")
      try cached("sub/config.json", Array("{}".utf8), in: repository, commit: "abc")
      let found = try #require(HubCache(root: root).findings().models.first)
      #expect(found.name == "huggingface.co/org/s:latest")
      #expect(found.files.map(\.name) == ["model.safetensors", "sub/config.json"])
      #expect(found.files.map(\.mediaType) == [MediaType.safetensors, MediaType.modelFile])
    }
  }

  // MARK: Folders

  @Test func lmStudiosFoldersAreRepositories() async throws {
    try await withTemporaryFolder { root in
      let repository = root.appending("Publisher").appending("Model-GGUF")
      try repository.appending("Model-Q8_0.gguf").write(Self.weights)
      try repository.appending("mmproj-model-f16.gguf").write([1])
      try root.appending("loose").appending("other.gguf").write(Self.weights)
      let findings = PlainFolder(root: root).findings()
      #expect(
        findings.models.map(\.name) == [
          "huggingface.co/publisher/model-gguf:Q8_0", "huggingface.co/local/loose:latest",
        ])
      #expect(findings.models[0].files.map(\.mediaType) == [MediaType.gguf, MediaType.mmproj])
      #expect(findings.models[0].files.allSatisfy { $0.digest == nil })
    }
  }

  @Test func placesComeFromTheEnvironment() async throws {
    try await withTemporaryFolder { home in
      func known(_ environment: [String: String]) -> [String] {
        ImportSource.known(environment: environment, home: home).filter { $0.root.string.hasPrefix(home.string) }
          .map { String($0.root.string.dropFirst(home.string.count)) }
      }
      #expect(known([:]) == [])
      for folder in [".ollama/models", ".cache/huggingface/hub", ".lmstudio/models", ".cache/lm-studio/models", "x"] {
        let path = home.pushing(FilePath(folder)).string
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      #expect(
        known([:]) == ["/.ollama/models", "/.cache/huggingface/hub", "/.lmstudio/models", "/.cache/lm-studio/models"])
      let x = home.appending("x").string
      #expect(known(["OLLAMA_MODELS": x, "HF_HUB_CACHE": x]).prefix(2) == ["/x", "/x"])
    }
  }

  @Test(arguments: [
    ("llama3", true), ("llama3:8b", true), ("LLAMA3:8B", true), ("library/llama3", true), ("llama3:latest", false),
    ("registry.ollama.ai/library/llama3:8b", true), ("lama3", false),
  ])
  func peopleNameModelsInShort(text: String, fits: Bool) {
    let model = FoundModel(name: "registry.ollama.ai/library/llama3:8b", files: [], modified: 0)
    #expect(model.matches(text) == fits)
  }
}

extension FilePath {
  /// Writes a file here, with its folders.
  fileprivate func write(_ bytes: [UInt8]) throws {
    try FileManager.default.createDirectory(
      atPath: removingLastComponent().string, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: string))
  }
}
