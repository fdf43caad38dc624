// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import Testing

@testable import PetrelLibrary

@Suite struct CopyTests {
  private func copy(_ fixture: LibraryFixture, _ source: String, _ target: String) async throws -> [ProgressLine] {
    try await fixture.library.copy(source, to: target).reduce(into: []) { $0.append($1) }
  }

  private func isThere(_ model: FakeModel, _ registry: FakeRegistry, _ repository: String, tag: String) -> Bool {
    zip(model.layers, model.layerContents).allSatisfy { registry.blob($0.digest, in: repository) == $1 }
      && registry.blob(model.config.digest, in: repository) != nil
      && registry.manifest(tag, in: repository) == model.manifestBytes
  }

  @Test func copiesToAnotherRegistryAndKeepsNothing() async throws {
    try await FakeRegistry.withRegistry { other in
      try await LibraryFixture.with { fixture in
        let model = try fixture.registry.addModel("org/model", layerSizes: [700_000, 10, 3000])
        let target = other.reference("team/copy", tag: "v2").description
        let lines = try await copy(fixture, fixture.name("org/model"), target)
        #expect(isThere(model, other, "team/copy", tag: "v2"))
        #expect(lines.last == ProgressLine(type: .success, message: "Model copied successfully", mode: .push))
        let total = Int64(703_010)
        #expect(lines.dropLast().allSatisfy { $0.total == total && $0.mode == .push })
        for layer in model.layers {
          let own = lines.filter { $0.layer.id == layer.digest.description }.map(\.layer.current)
          #expect(own.last == layer.size)
          #expect(own == own.sorted())
        }
        #expect(try await fixture.library.list().isEmpty)
        #expect(try await !fixture.store.contains(model.layers[0]))
        #expect(fixture.changes.value == 0)
      }
    }
  }

  @Test func copiesADigest() async throws {
    try await FakeRegistry.withRegistry { other in
      try await LibraryFixture.with { fixture in
        let model = try fixture.registry.addModel("org/model")
        let source = fixture.registry.reference("org/model", digest: model.digest).description
        _ = try await copy(fixture, source, other.reference("a/b", tag: "v1").description)
        #expect(isThere(model, other, "a/b", tag: "v1"))
      }
    }
  }

  @Test func takesBlobsOfTheSameRegistryFromThere() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/model", layerSizes: [50_000, 60])
      _ = try await copy(fixture, fixture.name("org/model"), fixture.name("org/copy", tag: "v1"))
      #expect(isThere(model, fixture.registry, "org/copy", tag: "v1"))
      #expect(fixture.registry.requests.allSatisfy { $0.method != "PUT" || $0.path.contains("/manifests/") })
      #expect(fixture.registry.requests.allSatisfy { $0.method != "GET" || !$0.path.contains("/blobs/") })
    }
  }

  @Test func goesOnWhenTheSourceBreaks() async throws {
    try await FakeRegistry.withRegistry { other in
      try await LibraryFixture.with { fixture in
        let model = try fixture.registry.addModel("org/model", layerSizes: [900_000])
        let layer = model.layers[0].digest
        fixture.registry.inject(.close(afterBytes: 400_000), at: layer.description)
        let lines = try await copy(fixture, fixture.name("org/model"), other.reference("a/b").description)
        #expect(lines.last?.type == .success, "\(String(describing: lines.last))")
        #expect(isThere(model, other, "a/b", tag: "latest"))
      }
    }
  }

  @Test func wrongBytesNeverBecomeABlob() async throws {
    try await FakeRegistry.withRegistry { other in
      try await LibraryFixture.with { fixture in
        let model = try fixture.registry.addModel("org/model", layerSizes: [300_000])
        let layer = model.layers[0].digest
        fixture.registry.inject(.wrongBytes, at: layer.description)
        let lines = try await copy(fixture, fixture.name("org/model"), other.reference("a/b").description)
        #expect(lines.last?.type == .error)
        #expect(lines.last?.message.contains("digest mismatch") == true)
        #expect(other.blob(layer, in: "a/b") == nil)
        #expect(other.manifest("latest", in: "a/b") == nil)
        // The last bytes were not sent: the target never had the whole to judge.
        #expect(other.requests("PUT", at: "upload-1").isEmpty)
      }
    }
  }

  @Test func refusesIndexes() async throws {
    try await LibraryFixture.with { fixture in
      let index = Array(#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[]}"#.utf8)
      fixture.registry.addManifest(index, mediaType: MediaType.ociIndex, to: "org/index", tag: "latest")
      let error = await libraryError {
        try await fixture.library.copy(fixture.name("org/index"), to: fixture.name("a/b"))
      }
      #expect(error?.code == .unsupportedArtifact)
      #expect(error?.message.contains("index") == true, "\(String(describing: error))")
    }
  }

  @Test func saysWhatIsWrongWithTheNames() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/model")
      let name = fixture.name("org/model")
      let digest = fixture.registry.reference("a/b", digest: model.digest).description
      #expect(await libraryError { try await fixture.library.copy(name, to: name) }?.code == .invalidRequest)
      #expect(await libraryError { try await fixture.library.copy(name, to: digest) }?.code == .invalidReference)
      #expect(await libraryError { try await fixture.library.copy(name, to: "A B") }?.code == .invalidReference)
      let missing = await libraryError {
        try await fixture.library.copy(fixture.name("org/none"), to: fixture.name("a/b"))
      }
      #expect(missing?.code == .notFound)
      let foreign = await libraryError { try await fixture.library.copy("hf.co/org/model", to: name) }
      #expect(foreign?.code == .unsupportedSource)
    }
  }
}
