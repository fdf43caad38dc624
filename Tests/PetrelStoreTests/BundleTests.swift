// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelStore
import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct BundleTests {
  private typealias Layer = (mediaType: String, path: String?, bytes: [UInt8])

  private func bundle(
    _ layers: [Layer], configType: String = MediaType.configV01, in store: ModelStore
  ) async throws -> Bundle {
    try await store.bundle(for: try await SampleModel(layers, configType: configType).add(to: store))
  }

  private func error(_ layers: [Layer], configType: String) async throws -> StoreError? {
    try await withStore { store in
      do {
        _ = try await bundle(layers, configType: configType, in: store)
        return nil
      } catch let error as StoreError {
        #expect(try names(in: store.layout.root.appending("bundles").appending("sha256")).isEmpty)
        return error
      }
    }
  }

  @Test func oneFileGetsItsFixedName() async throws {
    try await withStore { store in
      let bundle = try await bundle(
        [
          (MediaType.gguf, "tiny.gguf", bytes("weights")), (MediaType.mmproj, nil, bytes("projector")),
          (MediaType.chatTemplate, "tpl.jinja", bytes("template")), (MediaType.license, "LICENSE", bytes("MIT")),
          (MediaType.modelFile, "docs/README.md", bytes("read me")),
        ], in: store)
      #expect(bundle.modelDirectory == bundle.root.appending("model"))
      #expect(bundle.ggufPath == bundle.modelDirectory.appending("model.gguf"))
      #expect(bundle.mmprojPath == bundle.modelDirectory.appending("model.mmproj"))
      #expect(bundle.chatTemplatePath == bundle.modelDirectory.appending("template.jinja"))
      #expect(try contents(bundle.modelDirectory.appending("docs").appending("README.md")) == bytes("read me"))
      #expect(try names(in: bundle.modelDirectory) == ["docs", "model.gguf", "model.mmproj", "template.jinja"])
      let json = #"{"format":"gguf","context_size":4096}"# + "\n"
      #expect(try contents(bundle.root.appending("config.json")) == bytes(json))
      // One file under two names.
      let inode = try bundle.modelDirectory.appending("model.gguf").stat().inode
      #expect(try store.layout.blob(Digest(of: bytes("weights"))).stat().inode == inode)
    }
  }

  @Test func shardsAreNumberedAndTheFirstIsNamed() async throws {
    try await withStore { store in
      let layers: [Layer] = (1...3).map { (MediaType.gguf, "x-0000\($0)-of-00003.gguf", bytes("shard \($0)")) }
      let bundle = try await bundle(layers, in: store)
      #expect(bundle.ggufPath == bundle.modelDirectory.appending("model-00001-of-00003.gguf"))
      #expect(try contents(bundle.modelDirectory.appending("model-00003-of-00003.gguf")) == bytes("shard 3"))
    }
  }

  @Test func annotatedPathsAreKept() async throws {
    try await withStore { store in
      let bundle = try await bundle(
        [
          (MediaType.gguf, "sub/b-00002-of-00002.gguf", bytes("2")),
          (MediaType.gguf, "sub/b-00001-of-00002.gguf", bytes("1")),
          (MediaType.gguf, "mmproj-F16.gguf", bytes("p")), (MediaType.chatTemplate, "z.jinja", bytes("z")),
          (MediaType.chatTemplate, "chat_template.jinja", bytes("c")),
          (MediaType.chatTemplate, "a/chat_template.json", bytes("{}")), (MediaType.license, "LICENSE", bytes("MIT")),
          (MediaType.modelFile, "../../home/u/notes.txt", bytes("n")), (MediaType.modelFile, nil, bytes("unnamed")),
        ], configType: MediaType.configV02, in: store)
      let model = bundle.modelDirectory
      #expect(bundle.ggufPath == model.appending("sub").appending("b-00001-of-00002.gguf"))
      #expect(bundle.mmprojPath == model.appending("mmproj-F16.gguf"))
      #expect(bundle.chatTemplatePath == model.appending("chat_template.jinja"))
      #expect(try contents(model.appending("home").appending("u").appending("notes.txt")) == bytes("n"))
      #expect(exists(model.appending("LICENSE")))
    }
  }

  @Test func cncfModelsKeepTheirConfig() async throws {
    try await withStore { store in
      let config = bytes(
        #"{"descriptor":{"createdAt":"2025-06-15T12:00:00Z"},"config":{"format":"gguf","paramSize":"12"}}"#)
      let weight = descriptor(bytes("w"), MediaType.cncfWeightRaw, path: "tiny.bin")
      let projector = descriptor(bytes("p"), MediaType.cncfWeightRaw, path: "MMPROJ.gguf")
      let manifest = Manifest(config: descriptor(config, MediaType.configCNCF), layers: [weight, projector])
      try await store.writeBlob(bytes("w"), as: weight)
      try await store.writeBlob(bytes("p"), as: projector)
      try await store.writeBlob(config, as: manifest.config)
      let bundle = try await store.bundle(for: store.commit(manifest: manifest.serialized()))
      #expect(bundle.ggufPath == bundle.modelDirectory.appending("tiny.bin"))
      #expect(bundle.mmprojPath == bundle.modelDirectory.appending("MMPROJ.gguf"))
      #expect(try contents(bundle.root.appending("config.json")) == config + [0x0A])
    }
  }

  @Test(arguments: ["/etc/passwd", "..", "a/../../x", ".", "a\u{0}b"])
  func hostilePathsAreRefused(_ path: String) async throws {
    let layers: [Layer] = [(MediaType.gguf, "m.gguf", bytes("w")), (MediaType.modelFile, path, bytes("evil"))]
    let strict = try await error(layers, configType: MediaType.configV01)
    #expect(strict?.code == .invalidArtifact)
    #expect(strict?.message.hasPrefix("invalid filepath annotation ") == true)
    // The format that keeps paths drops leading `../`; what remains must name a file inside.
    if path != "a/../../x" {
      let repaired = try await error(layers, configType: MediaType.configV02)
      #expect(repaired?.code == .invalidArtifact)
    }
  }

  @Test func collisionsAreRefused() async throws {
    let weights: Layer = (MediaType.gguf, "m.gguf", bytes("w"))
    let same = try await error(
      [weights, (MediaType.modelFile, "x/../m.gguf", bytes("evil"))], configType: MediaType.configV02)
    #expect(same?.message == #"filepath collision: annotations "m.gguf" and "x/../m.gguf" both resolve to "m.gguf""#)
    let below = try await error(
      [weights, (MediaType.modelFile, "m.gguf/x", bytes("evil"))], configType: MediaType.configV02)
    #expect(below?.code == .invalidArtifact)
    let overWeights = try await error(
      [weights, (MediaType.modelFile, "model.gguf/x", bytes("evil"))], configType: MediaType.configV01)
    #expect(overWeights?.code == .invalidArtifact)
  }

  @Test func nothingToUnpackIsSaid() async throws {
    let none = try await error([(MediaType.license, "LICENSE", bytes("MIT"))], configType: MediaType.configV01)
    #expect(none?.code == .unsupportedArtifact)
    let archive = try await error(
      [("application/vnd.cncf.model.weight.v1.tar+gzip", "w", bytes("tar"))], configType: MediaType.configV02)
    #expect(archive?.message.contains("tar+gzip") == true)
  }

  @Test func aMissingBlobIsNamed() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store)
      let digest = model.manifest.layers[0].digest
      try FileManager.default.removeItem(atPath: store.layout.blob(digest).string)
      do {
        _ = try await store.bundle(for: model)
        Issue.record("there is nothing to unpack")
      } catch let error as StoreError {
        #expect(error.code == .missingBlob && error.message.contains(digest.description))
      }
    }
  }

  @Test func aWholeBundleIsUsedAgainAndAHalfOneIsRebuilt() async throws {
    try await withStore { store in
      let model = try await SampleModel([
        (MediaType.gguf, nil, bytes("w")), (MediaType.chatTemplate, nil, bytes("t")),
      ]).add(to: store)
      let first = try await store.bundle(for: model)
      let inode = try first.root.stat().inode
      #expect(try await store.bundle(for: model) == first)
      #expect(try first.root.stat().inode == inode)

      let template = try #require(first.chatTemplatePath)
      try FileManager.default.removeItem(atPath: template.string)
      try write(bytes("tampered with"), to: template)
      #expect(try await store.bundle(for: model) == first)
      #expect(try contents(template) == bytes("t"))

      try FileManager.default.removeItem(atPath: first.root.appending("config.json").string)
      #expect(try await store.bundle(for: model) == first)
      #expect(exists(first.root.appending("config.json")))
      #expect(try names(in: first.root.removingLastComponent()) == [model.id.hex])
    }
  }

  @Test func concurrentRequestsShareOneBundle() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store)
      let bundles = try await withThrowingTaskGroup { group in
        for _ in 0..<8 { group.addTask { try await store.bundle(for: model) } }
        return try await group.reduce(into: Set<Bundle>()) { $0.insert($1) }
      }
      #expect(bundles.count == 1)
      #expect(bundles.allSatisfy { $0.ggufPath.map(exists) == true })
      #expect(try names(in: store.layout.root.appending("bundles").appending("sha256")) == [model.id.hex])
    }
  }
}
