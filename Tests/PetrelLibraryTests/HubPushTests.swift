// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import Testing

@testable import PetrelLibrary

@Suite struct HubPushTests {
  private static let weights = TinyGGUF.bytes(dataSize: 300_000)
  private static let license = Array("free\n".utf8)

  /// Puts a model with two files into the store and returns its layers.
  private func addModel(
    _ fixture: HubFixture, tag: String, second: String = MediaType.license
  ) async throws -> [Descriptor] {
    let layers = [
      (MediaType.gguf, "m-Q8_0.gguf", Self.weights), (second, "docs/LICENSE", Self.license),
    ].map { type, path, bytes in
      (
        Descriptor(
          mediaType: type, size: Int64(bytes.count), digest: Digest(of: bytes),
          annotations: [LayerAnnotation.filePath: path]), bytes
      )
    }
    let config = try DockerConfigFile(
      config: ModelConfig(format: "gguf"), created: "2025-06-15T12:00:00Z", diffIDs: layers.map(\.0.digest)
    ).serialized()
    let configLayer = Descriptor(
      mediaType: MediaType.configV01, size: Int64(config.count), digest: Digest(of: config))
    for (layer, bytes) in layers { try await fixture.store.writeBlob(bytes, as: layer) }
    try await fixture.store.writeBlob(config, as: configLayer)
    let manifest = Manifest(config: configLayer, layers: layers.map(\.0))
    _ = try await fixture.store.commit(manifest: try manifest.serialized(), tag: try ModelReference(parsing: tag))
    return layers.map(\.0)
  }

  private func push(_ fixture: HubFixture, _ name: String, token: String?) async throws -> ProgressLine? {
    try await fixture.library.push(name, bearerToken: token).reduce(into: nil) { $0 = $1 }
  }

  @Test(arguments: [nil, 100_000, HubPushTests.weights.count, HubPushTests.weights.count - 1] as [Int?])
  func aNewRepositoryGetsTheFilesUnderTheirNames(partSize: Int?) async throws {
    try await HubFixture.with { fixture in
      fixture.hub.allowPushes(by: ["secret"], partSize: partSize)
      _ = try await addModel(fixture, tag: "hf.co/org/model")
      let last = try await push(fixture, "hf.co/Org/Model", token: "secret")
      #expect(last?.type == .success, "\(last?.message ?? "")")
      #expect(fixture.hub.files("Org/Model") == ["m-Q8_0.gguf": Self.weights, "docs/LICENSE": Self.license])
      // What was pushed can be pulled by others.
      _ = try await fixture.library.remove("hf.co/org/model", force: true)
      #expect(try await fixture.pull("hf.co/Org/Model").type == .success)
      // The token is the hub's alone.
      #expect(!fixture.hub.storeRequests.contains { $0.headers.contains(name: "Authorization") })
    }
  }

  @Test func whatIsThereIsNotSentAgain() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.allowPushes(by: ["secret"])
      _ = try await addModel(fixture, tag: "hf.co/org/model")
      for _ in 0..<2 { #expect(try await push(fixture, "hf.co/org/model", token: "secret")?.type == .success) }
      #expect(fixture.hub.storeRequests.filter { $0.method == "PUT" }.count == 1)
      #expect(fixture.hub.requests.filter { $0.path == "/api/repos/create" }.count == 1)
    }
  }

  @Test func anUploadThatBreaksIsRepeatedAtAFreshAddress() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.allowPushes(by: ["secret"], partSize: 100_000)
      let layers = try await addModel(fixture, tag: "hf.co/org/model")
      fixture.hub.inject(.status(403), at: "/part/\(layers[0].digest.hex)/2", method: "PUT")
      fixture.hub.inject(.status(503), at: "/commit/", method: "POST")
      #expect(try await push(fixture, "hf.co/org/model", token: "secret")?.type == .success)
      #expect(fixture.hub.requests.filter { $0.path.hasSuffix("/objects/batch") }.count == 2)
      #expect(fixture.hub.files("org/model")?["m-Q8_0.gguf"] == Self.weights)
    }
  }

  @Test func refusalsSayWhatToDo() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.allowPushes(by: ["secret"])
      _ = try await addModel(fixture, tag: "hf.co/org/model")
      let error = await libraryError { try await push(fixture, "hf.co/org/model", token: nil) }
      #expect(error?.code == .tokenRequired && error?.message.contains("HF_TOKEN") == true)
      let refused = try await push(fixture, "hf.co/org/model", token: "another")
      #expect(refused?.type == .error && refused?.message.contains("may not write to org/model") == true)
      #expect(fixture.hub.files("org/model") == nil)
    }
  }

  @Test func nothingIsCommittedWhenAFileHasNowhereToGo() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.allowPushes(by: ["secret"])
      _ = try await addModel(fixture, tag: "hf.co/org/model")
      fixture.hub.inject(.status(500), at: "/objects/batch", method: "POST", times: 20)
      #expect(try await push(fixture, "hf.co/org/model", token: "secret")?.type == .error)
      #expect(fixture.hub.files("org/model")?.isEmpty == true)
    }
  }

  @Test func anArchiveOfFilesIsRefused() async throws {
    try await HubFixture.with { fixture in
      fixture.hub.allowPushes(by: ["secret"])
      _ = try await addModel(fixture, tag: "hf.co/org/model", second: MediaType.directoryTar)
      let error = await libraryError { try await push(fixture, "hf.co/org/model", token: "secret") }
      #expect(error?.code == .unsupportedSource)
    }
  }
}
