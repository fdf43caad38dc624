// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelStore
import PetrelTestSupport
import Testing

@testable import PetrelLibrary

@Suite struct CompositionTests {
  private static let weights = TinyGGUF.bytes(template: "{{ messages }}")
  private static let digest = Digest(of: weights)

  private func upload(_ library: ModelLibrary, _ bytes: [UInt8] = weights) async throws {
    let pieces = AsyncStream { continuation in
      continuation.yield(bytes)
      continuation.finish()
    }
    _ = try await library.receiveBlob(Digest(of: bytes), from: pieces)
  }

  private func composition(_ files: [String: Digest]) -> Composition { Composition(source: .files(files)) }

  @Test func `A model is made of an uploaded file`() async throws {
    try await LibraryFixture.with { fixture in
      let library = fixture.library
      #expect(try await !library.hasBlob(Self.digest))
      try await upload(library)
      #expect(try await library.hasBlob(Self.digest))
      try await library.compose(composition(["m.gguf": Self.digest]), as: "made")
      let model = try await library.resolve("made")
      #expect(model.manifest.layers.map(\.digest) == [Self.digest])
      #expect(model.config.architecture == "llama")
      #expect(fixture.changes.value == 1)
      let description = try await library.description(of: "made")
      #expect(description.template == "{{ messages }}")
      #expect(description.metadata["llama.context_length"] == "4096")
      #expect(!description.hasProjector)
    }
  }

  @Test func `A model is made of another one, and shares its weights`() async throws {
    try await LibraryFixture.with { fixture in
      let library = fixture.library
      try await upload(library)
      try await library.compose(composition(["m.gguf": Self.digest]), as: "base")
      var variant = Composition(source: .model("base"))
      variant.licenses = ["Free", "Open"]
      variant.template = "{{ other }}"
      variant.documents = [MediaType.ollamaSystem: Array("be".utf8)]
      variant.contextSize = 512
      try await library.compose(variant, as: "variant")
      let model = try await library.resolve("variant")
      #expect(model.manifest.layers.first?.digest == Self.digest)
      #expect(model.config.contextSize == 512)
      let description = try await library.description(of: "variant")
      #expect(description.licenses == ["Free", "Open"])
      #expect(description.template == "{{ other }}")

      // A second system prompt takes the place of the first.
      var second = Composition(source: .model("variant"))
      second.documents = [MediaType.ollamaSystem: Array("do".utf8)]
      try await library.compose(second, as: "second")
      let layers = try await library.smallLayers(
        of: try await library.resolve("second"), types: [MediaType.ollamaSystem])
      #expect(layers.map { String(decoding: $0.content, as: UTF8.self) } == ["do"])
      #expect(try await library.description(of: "second").licenses.count == 2)
    }
  }

  @Test func `Without changes a model gets another name`() async throws {
    try await LibraryFixture.with { fixture in
      try await upload(fixture.library)
      try await fixture.library.compose(composition(["m.gguf": Self.digest]), as: "base")
      try await fixture.library.compose(Composition(source: .model("base")), as: "alias")
      #expect(try await fixture.library.resolve("alias").id == fixture.library.resolve("base").id)
    }
  }

  @Test func `What can't be made says why, and leaves no model`() async throws {
    try await LibraryFixture.with { fixture in
      let library = fixture.library
      let missing = await libraryError { try await library.compose(composition(["m.gguf": Self.digest]), as: "x") }
      #expect(missing?.code == .invalidRequest)
      #expect(missing?.message.contains("/api/blobs/\(Self.digest)") == true)
      try await upload(library)
      let noModel = await libraryError { try await library.compose(composition(["m.txt": Self.digest]), as: "x") }
      #expect(noModel?.code == .invalidRequest)
      let unknown = await libraryError { try await library.compose(Composition(source: .model("none")), as: "x") }
      #expect(unknown?.code == .notFound)
      let name = await libraryError { try await library.compose(composition(["m.gguf": Self.digest]), as: "::") }
      #expect(name?.code == .invalidReference)
      let wrong = AsyncStream { continuation in
        continuation.yield([UInt8]("other".utf8))
        continuation.finish()
      }
      let other = Digest(of: Array("x".utf8))
      #expect(await libraryError { try await library.receiveBlob(other, from: wrong) }?.code == .invalidArchive)
      #expect(try await library.list().isEmpty)
    }
  }
}
