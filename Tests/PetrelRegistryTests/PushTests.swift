// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import Synchronization
import Testing

@Suite struct PushTests {
  /// A blob of which nothing comes after the first `stallAfter` bytes.
  private struct StallingContent: BlobContent {
    let content: BufferContent
    let stallAfter: Int64

    func read(from offset: Int64, upTo limit: Int) async throws -> ByteBuffer {
      if offset >= stallAfter { try await Task.sleep(for: .seconds(3600)) }
      return try await content.read(from: offset, upTo: min(limit, Int(stallAfter - offset)))
    }
  }

  private final class Progress: Sendable {
    private let state = Mutex<[Int64]>([])
    var all: [Int64] { state.withLock { $0 } }
    func report(_ bytes: Int64) { state.withLock { $0.append(bytes) } }
  }

  private func push(
    _ model: FakeModel, _ fixture: ClientFixture, progress: Progress = Progress(), stallAfter: Int64 = .max
  ) async throws {
    let content = BufferContent(model.layerContents[0])
    try await fixture.client.pushBlob(
      model.layers[0], to: fixture.reference,
      content: stallAfter == .max ? content : StallingContent(content: content, stallAfter: stallAfter),
      progress: { progress.report($0) })
  }

  @Test(arguments: [true, false])
  func uploads(_ isRelative: Bool) async throws {
    try await ClientFixture.run { fixture in
      let model = try FakeModel(layerSizes: [300_000])
      fixture.registry.require(.token())
      fixture.registry.locateUploads(at: isRelative ? "" : "http://\(fixture.registry.host)")
      let progress = Progress()
      try await push(model, fixture, progress: progress)
      #expect(progress.all == [262_144, 300_000])
      #expect(fixture.registry.blob(model.layers[0].digest, in: "ai/tiny") == model.layerContents[0])
      let put = try #require(fixture.registry.requests("PUT", at: "uploads/upload-1").first)
      #expect(put.headers["Content-Length"] == ["300000"])
      #expect(put.authorization == "Bearer token-1")
      let token = try #require(fixture.registry.requests(at: "/token").first)
      #expect(token.query.contains("repository%3Aai%2Ftiny%3Apull%2Cpush"))

      let digest = try await fixture.client.pushManifest(
        model.manifestBytes, mediaType: MediaType.ociManifest, to: fixture.reference)
      #expect(digest == model.digest)
      #expect(fixture.registry.manifest("latest", in: "ai/tiny") == model.manifestBytes)
    }
  }

  @Test func skipsWhatIsThere() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      let progress = Progress()
      try await push(model, fixture, progress: progress)
      #expect(progress.all == [4096])
      #expect(fixture.registry.requests.map(\.method) == ["HEAD"])
    }
  }

  @Test func uploadsToAnotherHostWithoutCredentials() async throws {
    try await FakeRegistry.withRegistry { storage in
      try await ClientFixture.run { fixture in
        let model = try FakeModel(layerSizes: [1000])
        fixture.registry.require(.token())
        fixture.registry.locateUploads(at: "http://\(storage.host)")
        try await push(model, fixture)
        #expect(storage.blob(model.layers[0].digest, in: "ai/tiny") == model.layerContents[0])
        #expect(storage.requests.map(\.authorization) == [nil])
      }
    }
  }

  @Test func sendsSmallBlobsAgainFromTheirBeginning() async throws {
    try await ClientFixture.run { fixture in
      let model = try FakeModel(layerSizes: [250_000])
      fixture.registry.inject(.status(503, headers: ["Retry-After": "3"]), at: "upload-1", method: "PUT")
      fixture.registry.inject(.status(500), at: "uploads/", method: "POST")
      try await push(model, fixture)
      #expect(fixture.registry.blob(model.layers[0].digest, in: "ai/tiny") == model.layerContents[0])
      #expect(fixture.pauses.all == [.seconds(1), .seconds(3)])
    }
  }

  @Test func refusesContentOfAnotherLength() async throws {
    try await ClientFixture.run { fixture in
      let model = try FakeModel(layerSizes: [1000])
      for length in [999, 1001] {
        let content = ByteBuffer(repeating: 7, count: length)
        await expectRegistryError(.digestMismatch) {
          try await fixture.client.pushBlob(
            model.layers[0], to: fixture.reference, content: BufferContent(content), progress: { _ in })
        }
      }
      #expect(fixture.registry.blob(model.layers[0].digest, in: "ai/tiny") == nil)
    }
  }

  @Test func noticesStalledUploads() async throws {
    try await ClientFixture.run(stallTimeout: .milliseconds(500)) { fixture in
      let model = try FakeModel(layerSizes: [250_000])
      let error = await expectRegistryError(.stalled) { try await push(model, fixture, stallAfter: 100_000) }
      #expect(error?.message.contains("given up after 4 tries") == true)
      #expect(fixture.pauses.all.count == 3)
    }
  }

  @Test(arguments: [
    (403, "DENIED" as String?, RegistryError.Code.denied, "DENIED - Access to this model is denied"),
    (404, "NAME_UNKNOWN", .notFound, "NAME_UNKNOWN - Repository not found"),
    (413, nil, .invalidResponse, "UNKNOWN - The registry answers 413"),
  ])
  func saysWhyItWasRefused(_ status: Int, _ code: String?, _ expected: RegistryError.Code, _ text: String) async throws
  {
    try await ClientFixture.run { fixture in
      let model = try FakeModel(layerSizes: [1000])
      for (path, method) in [("uploads/", "POST"), ("upload-1", "PUT")] {
        fixture.registry.inject(.status(status, errorCode: code), at: path, method: method)
        let error = await expectRegistryError(expected) { try await push(model, fixture) }
        #expect(error?.message == "failed to push model \"\(fixture.reference)\": \(text)")
      }
    }
  }

  @Test func noticesWhenTheRegistryStoredSomethingElse() async throws {
    try await ClientFixture.run { fixture in
      let model = try FakeModel(layerSizes: [1000])
      let other = Digest(ofText: "other").description
      fixture.registry.inject(.headers(["Docker-Content-Digest": other]), at: "manifests/latest", method: "PUT")
      await expectRegistryError(.digestMismatch) {
        try await fixture.client.pushManifest(
          model.manifestBytes, mediaType: MediaType.ociManifest, to: fixture.reference)
      }
    }
  }
}
