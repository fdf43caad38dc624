// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import Testing

@Suite struct PullTests {
  @Test func fetchesManifestAndConfig() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      let fetched = try await fixture.client.manifest(fixture.reference)
      #expect(fetched.bytes == model.manifestBytes)
      #expect(fetched.digest == model.digest)
      #expect(fetched.mediaType == MediaType.ociManifest)
      let byDigest = try await fixture.client.manifest(fixture.registry.reference("ai/tiny", digest: model.digest))
      #expect(byDigest.bytes == model.manifestBytes)
      let config = try await fixture.client.blob(model.config, of: fixture.reference, limit: 1_000_000)
      #expect(config == model.configBytes)
      #expect(try await fixture.client.blobExists(model.config.digest, in: fixture.reference))
      #expect(try await !fixture.client.blobExists(Digest(ofText: "no"), in: fixture.reference))
    }
  }

  @Test func refusesManifestThatDoesNotMatch() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      let byDigest = fixture.registry.reference("ai/tiny", digest: model.digest)
      fixture.registry.inject(.wrongBytes, at: "manifests/latest")
      await expectRegistryError(.digestMismatch) { try await fixture.client.manifest(fixture.reference) }
      // A server that lies consistently is found out by the reference's own digest.
      let other = Array("{}".utf8)
      fixture.registry.inject(.body(other), at: "manifests/\(model.digest)")
      await expectRegistryError(.digestMismatch) { try await fixture.client.manifest(byDigest) }
      fixture.registry.inject(
        .headers(["Docker-Content-Digest": Digest(of: other).description]), at: "manifests/\(model.digest)")
      await expectRegistryError(.digestMismatch) { try await fixture.client.manifest(byDigest) }
      #expect(fixture.pauses.all.isEmpty)
    }
  }

  @Test func refusesOversizeManifest() async throws {
    try await ClientFixture.run { fixture in
      try fixture.registry.addModel("ai/tiny")
      let bytes = [UInt8](repeating: 0x20, count: Manifest.maximumSize + 1)
      fixture.registry.inject(.body(bytes), at: "manifests/latest")
      await expectRegistryError(.tooLarge) { try await fixture.client.manifest(fixture.reference) }
    }
  }

  @Test func checksSmallBlobs() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      let suffix = model.config.digest.description
      fixture.registry.inject(.wrongBytes, at: suffix)
      let error = await expectRegistryError(.digestMismatch) {
        try await fixture.client.blob(model.config, of: fixture.reference, limit: 1_000_000)
      }
      #expect(
        error?.message.hasPrefix("blob digest mismatch for \"\(suffix)\": expected \(suffix), got sha256:") == true)
      fixture.registry.inject(.body([1, 2, 3]), at: suffix)
      await expectRegistryError(.invalidResponse) {
        try await fixture.client.blob(model.config, of: fixture.reference, limit: 1_000_000)
      }
      await expectRegistryError(.tooLarge) {
        try await fixture.client.blob(model.config, of: fixture.reference, limit: 10)
      }
    }
  }

  @Test(arguments: [
    (
      401, "UNAUTHORIZED" as String?, RegistryError.Code.unauthorized,
      "UNAUTHORIZED - Authentication required for this model"
    ),
    (403, "DENIED", .denied, "DENIED - Access to this model is denied"),
    (404, "MANIFEST_UNKNOWN", .notFound, "MANIFEST_UNKNOWN - Model not found"),
    (404, "NAME_UNKNOWN", .notFound, "NAME_UNKNOWN - Repository not found"),
    (404, nil, .notFound, "MANIFEST_UNKNOWN - Model not found"),
    (418, nil, .invalidResponse, "UNKNOWN - The registry answers 418"),
    (501, nil, .unsupported, "UNKNOWN - The registry answers 501"),
  ])
  func saysWhyThereIsNoManifest(
    _ status: Int, _ errorCode: String?, _ code: RegistryError.Code, _ text: String
  ) async throws {
    try await ClientFixture.run { fixture in
      fixture.registry.inject(.status(status, errorCode: errorCode), at: "manifests/latest", times: 9)
      let error = await expectRegistryError(code) { try await fixture.client.manifest(fixture.reference) }
      #expect(error?.message.hasPrefix("failed to pull model \"\(fixture.reference)\": \(text)") == true)
      #expect(error?.message.contains("a message from the registry") == false)
      #expect(fixture.registry.requests.count == 1)
    }
  }

  @Test func retriesWithPauses() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      fixture.registry.inject(.status(429, headers: ["Retry-After": "7"]), at: "manifests/latest")
      fixture.registry.inject(.status(503), at: "manifests/latest")
      fixture.registry.inject(.close(afterBytes: 10), at: "manifests/latest")
      #expect(try await fixture.client.manifest(fixture.reference).digest == model.digest)
      #expect(fixture.pauses.all == [.seconds(7), .seconds(2), .seconds(4)])
    }
  }

  @Test func givesUpAfterTheLastTry() async throws {
    try await ClientFixture.run { fixture in
      fixture.registry.inject(.status(500), at: "manifests/latest", times: 9)
      await expectRegistryError(.unavailable) { try await fixture.client.manifest(fixture.reference) }
      #expect(fixture.registry.requests.count == 4)
    }
  }

  @Test func doesNotWaitForHours() async throws {
    try await ClientFixture.run { fixture in
      fixture.registry.inject(.status(429, headers: ["Retry-After": "7200"]), at: "manifests/latest")
      let error = await expectRegistryError(.rateLimited) { try await fixture.client.manifest(fixture.reference) }
      #expect(error?.retryAfter == .seconds(7200))
      #expect(error?.message.hasSuffix("try again in 7200 seconds") == true)
      #expect(fixture.pauses.all.isEmpty)
    }
  }

  @Test func reportsARegistryThatIsNotThere() async throws {
    try await ClientFixture.run { fixture in
      let reference = fixture.reference
      await fixture.registry.shutdown()
      let error = await expectRegistryError(.connection) { try await fixture.client.manifest(reference) }
      #expect(error?.message.contains("Connection refused") == true)
      #expect(fixture.pauses.all.count == 3)
    }
  }

  @Test func fallsBackFromMirrors() async throws {
    try await FakeRegistry.withRegistry { mirror in
      let endpoint = try #require(RegistryEndpoint(mirror: "http://\(mirror.host)/"))
      try await ClientFixture.run(mirrors: [endpoint]) { fixture in
        let model = try mirror.addModel("ai/tiny")
        let reference = try ModelReference(parsing: "tiny")
        #expect(try await fixture.client.manifest(reference, bearerToken: "secret").digest == model.digest)
        #expect(mirror.requests.map(\.query) == ["ns=docker.io"])
        #expect(mirror.requests.map(\.authorization) == [nil])
        // Other registries have no mirrors.
        try fixture.registry.addModel("ai/tiny")
        _ = try await fixture.client.manifest(fixture.reference)
        #expect(mirror.requests.count == 1)
      }
    }
  }
}
