// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar
import SystemPackage
import Testing

@testable import PetrelStore

/// ModelPack models whose layers are uncompressed archives, as some packagers make them.
@Suite struct PackedLayerTests {
  private static let weights = "application/vnd.cncf.model.weight.v1.tar"
  private static let configs = "application/vnd.cncf.model.weight.config.v1.tar"
  private static let documents = "application/vnd.cncf.model.doc.v1.tar"

  private func archive(_ files: (name: String, text: String)...) -> [UInt8] {
    files.flatMap { name, text in
      let content = bytes(text)
      let size = Int64(content.count)
      return TarHeader.file(name: name, mode: 0o644, size: size) + content
        + [UInt8](repeating: 0, count: Int(TarHeader.padding(after: size)))
    } + TarHeader.end
  }

  private func add(
    _ layers: [(mediaType: String, path: String?, bytes: [UInt8])], to store: ModelStore
  ) async throws -> StoredModel {
    let config = bytes(#"{"descriptor":{},"modelfs":{"type":"layers"},"config":{"format":"gguf","paramSize":"1B"}}"#)
    let descriptors = layers.map { descriptor($0.bytes, $0.mediaType, path: $0.path) }
    let manifest = Manifest(
      artifactType: MediaType.cncfManifest, config: descriptor(config, MediaType.configCNCF), layers: descriptors)
    for (layer, content) in zip(descriptors, layers.map(\.bytes)) { try await store.writeBlob(content, as: layer) }
    try await store.writeBlob(config, as: manifest.config)
    return try await store.commit(manifest: manifest.serialized())
  }

  @Test func theirFilesAreTheModels() async throws {
    try await withStore { store in
      let model = try await add(
        [
          (Self.weights, "model", archive(("model/m-Q4_K_M.gguf", "w"), ("model/mmproj-F16.gguf", "p"))),
          (Self.configs, "tokenizer", archive(("tokenizer/chat_template.jinja", "t"), ("tokenizer/vocab.json", "{}"))),
          (Self.documents, "LICENSE", archive(("LICENSE", "MIT"))),
          (MediaType.cncfDocRaw, "docs/README.md", bytes("read me")),
        ], to: store)
      // The same when it is used again.
      for _ in 1...2 {
        let bundle = try await store.bundle(for: model)
        let folder = bundle.modelDirectory
        #expect(bundle.ggufPath == folder.appending("model").appending("m-Q4_K_M.gguf"))
        #expect(bundle.mmprojPath == folder.appending("model").appending("mmproj-F16.gguf"))
        #expect(bundle.chatTemplatePath == folder.appending("tokenizer").appending("chat_template.jinja"))
        #expect(try contents(try #require(bundle.ggufPath)) == bytes("w"))
        #expect(try contents(folder.appending("LICENSE")) == bytes("MIT"))
        #expect(try contents(folder.appending("docs").appending("README.md")) == bytes("read me"))
      }
      #expect(try await check(store).isEmpty)
      try ModelStore.checkUsable(model.manifest, model.summary)
    }
  }

  @Test(arguments: ["../evil.gguf", "/evil.gguf", "LICENSE"])
  func pathsThatLeadElsewhereAreRefused(_ name: String) async throws {
    try await withStore { store in
      let model = try await add(
        [(MediaType.cncfDocRaw, "LICENSE", bytes("MIT")), (Self.weights, "m", archive((name, "w")))], to: store)
      #expect(await storeErrorCode { try await store.bundle(for: model) } == .invalidArtifact)
    }
  }

  @Test func archivesWithoutWeightsAreNoModel() async throws {
    try await withStore { store in
      let model = try await add([(Self.configs, "c", archive(("config.json", "{}")))], to: store)
      #expect(await storeErrorCode { try await store.bundle(for: model) } == .unsupportedArtifact)
    }
  }
}
