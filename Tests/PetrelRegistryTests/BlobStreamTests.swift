// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import Testing

@Suite struct BlobStreamTests {
  private static let size = 500_000

  private func open(
    _ fixture: ClientFixture, _ model: FakeModel, from offset: Int64 = 0
  ) async throws -> BlobStream {
    try await fixture.client.openBlob(model.layers[0], of: fixture.reference, from: offset)
  }

  /// The registry is in this process: on a machine that is busy with other tests it may take longer than a short stall
  /// timeout to answer at all, and that is not what is tested.
  private func openSoon(
    _ fixture: ClientFixture, _ model: FakeModel, _ fault: RegistryFault? = nil
  ) async throws -> BlobStream {
    for _ in 0..<8 {
      if let fault { fixture.registry.inject(fault, at: model.layers[0].digest.description) }
      do {
        return try await open(fixture, model)
      } catch let error as RegistryError where error.code == .stalled {}
    }
    return try await open(fixture, model)
  }

  @Test func streamsTheWhole() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny", layerSizes: [Self.size])
      let stream = try await open(fixture, model)
      #expect(stream.startOffset == 0)
      #expect(try await fixture.bytes(of: stream) == model.layerBytes())
      #expect(fixture.registry.requests.first?.range == nil)
    }
  }

  @Test func resumes() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny", layerSizes: [Self.size])
      let stream = try await open(fixture, model, from: 123_456)
      #expect(stream.startOffset == 123_456)
      #expect(try await fixture.bytes(of: stream) == Array(model.layerBytes()[123_456...]))
      #expect(fixture.registry.requests.map(\.range) == ["bytes=123456-"])
    }
  }

  @Test func startsOverWhenRangesAreIgnored() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      fixture.registry.inject(.ignoreRange, at: model.layers[0].digest.description)
      let stream = try await open(fixture, model, from: 1000)
      #expect(stream.startOffset == 0)
      #expect(try await fixture.bytes(of: stream) == model.layerBytes())
    }
  }

  @Test func reportsOffsetsPastTheEnd() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      let error = await expectRegistryError(.rangeNotSatisfiable) { try await open(fixture, model, from: 4096) }
      #expect(error?.isRetryable == false)
    }
  }

  @Test(arguments: [
    ["Content-Range": "bytes 999-4095/4096"], ["Content-Range": "bytes 1000-4095/5000"], ["Content-Range": "x"],
    ["Content-Range": ""],
  ])
  func refusesAnotherRange(_ headers: [String: String]) async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      fixture.registry.inject(.headers(headers), at: model.layers[0].digest.description)
      await expectRegistryError(.invalidResponse) { try await open(fixture, model, from: 1000) }
    }
  }

  @Test func acceptsARangeOfUnknownTotal() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      fixture.registry.inject(
        .headers(["Content-Range": "bytes 1000-4095/*"]), at: model.layers[0].digest.description)
      #expect(try await open(fixture, model, from: 1000).startOffset == 1000)
    }
  }

  @Test(arguments: [0, 1, 495_000])
  func reportsTruncation(_ length: Int) async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny", layerSizes: [Self.size])
      fixture.registry.inject(.close(afterBytes: length), at: model.layers[0].digest.description)
      let stream = try await open(fixture, model)
      var received = 0
      let error = await expectRegistryError(.truncated) {
        for try await chunk in stream.chunks { received += chunk.readableBytes }
      }
      #expect(error?.isRetryable == true)
      // What arrived before the end is not lost.
      #expect(received == length)
      let rest = try await open(fixture, model, from: Int64(length))
      #expect(try await fixture.bytes(of: rest) == Array(model.layerBytes()[length...]))
    }
  }

  @Test func refusesABodyOfAnotherLength() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      let suffix = model.layers[0].digest.description
      fixture.registry.inject(.body([]), at: suffix)
      await expectRegistryError(.invalidResponse) { try await open(fixture, model) }
      fixture.registry.inject(.body(model.layerBytes() + [0]), at: suffix)
      await expectRegistryError(.invalidResponse) { try await open(fixture, model) }
    }
  }

  @Test(arguments: [0, 100_000])
  func givesUpOnAStalledBody(_ length: Int) async throws {
    try await ClientFixture.run(stallTimeout: .seconds(5)) { fixture in
      let model = try fixture.registry.addModel("ai/tiny", layerSizes: [Self.size])
      let stream = try await openSoon(fixture, model, .stall(afterBytes: length))
      var received = 0
      let error = await expectRegistryError(.stalled) {
        for try await chunk in stream.chunks { received += chunk.readableBytes }
      }
      #expect(error?.isRetryable == true)
      #expect(received == length)
    }
  }

  @Test func toleratesASlowReader() async throws {
    try await ClientFixture.run(stallTimeout: .seconds(5)) { fixture in
      let model = try fixture.registry.addModel("ai/tiny", layerSizes: [3_000_000])
      let stream = try await openSoon(fixture, model)
      var received: [UInt8] = []
      for try await chunk in stream.chunks {
        // The point of this test is that time passes here: more than the stall timeout, once.
        if received.isEmpty { try await Task.sleep(for: .seconds(7)) }
        received.append(contentsOf: chunk.readableBytesView)
      }
      #expect(received == model.layerBytes())
    }
  }

  @Test func cancelsPromptly() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny", layerSizes: [Self.size])
      fixture.registry.inject(.stall(afterBytes: 10), at: model.layers[0].digest.description)
      let stream = try await open(fixture, model)
      let (arrived, signal) = AsyncStream.makeStream(of: Void.self)
      let reader = Task {
        for try await _ in stream.chunks { signal.yield() }
      }
      for await _ in arrived { break }
      reader.cancel()
      await #expect(throws: CancellationError.self) { try await reader.value }
    }
  }

  @Test func followsRedirects() async throws {
    try await FakeRegistry.withRegistry { storage in
      try await ClientFixture.run { fixture in
        let model = try fixture.registry.addModel("ai/tiny")
        storage.add(model, to: "any")
        fixture.registry.require(.token())
        fixture.registry.redirectBlobs(to: "http://\(storage.host)")
        let away = try await open(fixture, model, from: 96)
        #expect(try await fixture.bytes(of: away) == Array(model.layerBytes()[96...]))
        #expect(storage.requests.map(\.range) == ["bytes=96-"])
        #expect(storage.requests.map(\.authorization) == [nil])
        fixture.registry.redirectBlobs(to: "")
        let home = try await open(fixture, model)
        #expect(try await fixture.bytes(of: home) == model.layerBytes())
        #expect(fixture.registry.requests.last?.path.hasPrefix("/cdn/") == true)
        #expect(fixture.registry.requests.last?.authorization != nil)
      }
    }
  }

  @Test func stopsAtRedirectLoops() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      let suffix = model.layers[0].digest.description
      fixture.registry.inject(.status(302, headers: ["Location": "/v2/ai/tiny/blobs/\(suffix)"]), at: suffix, times: 20)
      let error = await expectRegistryError(.refusedRedirect) { try await open(fixture, model) }
      #expect(error?.message.hasSuffix("stopped after 10 redirects") == true)
      #expect(fixture.registry.requests.count == 11)
    }
  }

  @Test func doesNotAnswerChallengesOfStrangers() async throws {
    try await FakeRegistry.withRegistry { storage in
      try await ClientFixture.run { fixture in
        let model = try fixture.registry.addModel("ai/tiny")
        fixture.registry.redirectBlobs(to: "http://\(storage.host)")
        storage.inject(
          .status(401, headers: ["WWW-Authenticate": "Bearer realm=\"http://\(fixture.registry.host)/token\""]),
          at: model.layers[0].digest.description)
        await expectRegistryError(.unauthorized) { try await open(fixture, model) }
        #expect(fixture.registry.requests(at: "/token").isEmpty)
      }
    }
  }
}
