// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelOCI
import PetrelRegistry
import PetrelStore
import PetrelTestSupport
import Testing

@testable import PetrelLibrary

@Suite struct PullTests {
  private static let megabyte = 1024 * 1024

  @Test func fetchesEachBlobOnceAndThenUsesWhatIsThere() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [3 * Self.megabyte, 5000, 0])
      let lines = try await fixture.pull(fixture.name("org/m"))
      #expect(lines.last == ProgressLine(type: .success, message: "Model pulled successfully", mode: .pull))
      for layer in model.layers {
        let own = lines.filter { $0.layer.id == layer.digest.description }
        #expect(own.last?.layer.current == layer.size && own.last?.layer.size == layer.size)
        #expect(own.map(\.layer.current) == own.map(\.layer.current).sorted())
        #expect(own.allSatisfy { $0.total == 3 * Int64(Self.megabyte) + 5000 })
      }
      for blob in model.manifest.blobs { #expect(fixture.offsets(blob.digest) == [""]) }
      let stored = try await fixture.library.resolve(fixture.name("org/m"))
      #expect(stored.id == model.digest && stored.tags == [fixture.name("org/m")])
      #expect(fixture.changes.value == 1)

      fixture.registry.forgetRequests()
      let again = try await fixture.pull(fixture.name("org/m"))
      #expect(again.map(\.message) == ["Using cached model: \(fixture.registry.host)/org/m (\(model.digest.short))"])
      #expect(fixture.registry.requests.count == 1)
    }
  }

  @Test func layersThatAreThereAreReportedInFull() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [100, 200])
      let present = model.layers[0]
      try await fixture.store.writeBlob(Array(model.layerContents[0].readableBytesView), as: present)
      let lines = try await fixture.pull(fixture.name("org/m"))
      #expect(lines.first?.layer == .init(id: present.digest.description, size: 100, current: 100))
      #expect(fixture.offsets(present.digest).isEmpty)
    }
  }

  @Test func aDigestReferenceLeavesTheModelUntagged() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m")
      let name = fixture.registry.reference("org/m", digest: model.digest).description
      try await fixture.pull(name)
      #expect(try await fixture.library.resolve(name).tags == [])
    }
  }

  @Test func failuresBeforeTheLayersAreThrown() async throws {
    try await LibraryFixture.with { fixture in
      let notFound = await libraryError { try await fixture.library.pull(fixture.name("org/none")) }
      #expect(notFound?.code == .notFound)
      let invalid = await libraryError { try await fixture.library.pull("a//b") }
      #expect(invalid?.code == .invalidReference)
      let hub = await libraryError { try await fixture.library.pull("hf.co/Org/Model:Q4_K_M") }
      #expect(hub?.code == .unsupportedSource)
      let image = #"""
        {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,
        "digest":"\#(Digest(ofText: "{}"))"},"layers":[]}
        """#
      fixture.registry.addManifest(Array(image.utf8), to: "org/image", tag: "latest")
      let unsupported = await libraryError { try await fixture.library.pull(fixture.name("org/image")) }
      #expect(unsupported?.code == .unsupportedArtifact)
      #expect(unsupported?.message.hasSuffix("- try upgrading: unsupported model config media type") == true)
      fixture.registry.require(.basic(user: "u", password: "p"))
      let unauthorized = await libraryError { try await fixture.library.pull(fixture.name("org/none")) }
      #expect(unauthorized?.code == .unauthorized)
      let models = try await fixture.library.list()
      #expect(models.isEmpty)
    }
  }

  @Test func aFullDiskIsSaidBeforeAnythingMoves() async throws {
    try await LibraryFixture.with(freeSpace: 10_000) { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [6000, 6000])
      let error = await libraryError { try await fixture.library.pull(fixture.name("org/m")) }
      #expect(error?.code == .noSpace)
      #expect(fixture.offsets(model.layers[0].digest).isEmpty)
    }
  }

  // MARK: Broken transfers

  @Test func goesOnWhereTheStreamBroke() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [4 * Self.megabyte])
      let digest = model.layers[0].digest
      // The second break comes on a resumed stream.
      fixture.registry.inject(.close(afterBytes: Self.megabyte), at: digest.description, times: 2)
      let lines = try await fixture.pull(fixture.name("org/m"))
      #expect(lines.last?.type == .success)
      let offsets = fixture.offsets(digest)
      #expect(offsets.count == 3 && offsets[0] == "")
      let starts = offsets.dropFirst().compactMap { Int($0.dropFirst("bytes=".count).dropLast()) }
      #expect(starts.count == 2 && starts == starts.sorted() && (starts.last ?? 0) <= 2 * Self.megabyte)
    }
  }

  @Test func givesUpAfterTheTriesAndResumesNextTime() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [2 * Self.megabyte])
      let layer = model.layers[0]
      fixture.registry.inject(.close(afterBytes: 300_000), at: layer.digest.description)
      fixture.registry.inject(.status(503), at: layer.digest.description, times: 2)
      let stream = try await fixture.library.pull(fixture.name("org/m"))
      let lines = await stream.reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .error && lines.last?.message.hasPrefix("Error: ") == true)
      #expect(stream.failure?.code == .registry)
      #expect(try await fixture.library.list().isEmpty)
      let kept = try await fixture.store.partialSize(layer.digest)
      #expect(kept > 0 && kept <= 300_000)

      fixture.registry.forgetRequests()
      let second = try await fixture.pull(fixture.name("org/m"))
      #expect(second.first?.layer.current == kept)
      #expect(fixture.offsets(layer.digest) == ["bytes=\(kept)-"])
      #expect(second.last?.type == .success)
    }
  }

  /// A partial of `count` good bytes.
  private func leavePartial(_ count: Int, of model: FakeModel, in store: ModelStore) async throws {
    struct Stop: Error {}
    let layer = model.layers[0]
    await #expect(throws: Stop.self) {
      _ = try await store.withIngest(of: layer.digest, size: layer.size) { writer in
        try await writer.append(model.layerContents[0].readableBytesView.prefix(count))
        throw Stop()
      }
    }
  }

  @Test func copesWithARegistryThatIgnoresRanges() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [2 * Self.megabyte])
      try await leavePartial(700_001, of: model, in: fixture.store)
      fixture.registry.inject(.ignoreRange, at: model.layers[0].digest.description)
      #expect(try await fixture.pull(fixture.name("org/m")).last?.type == .success)
      #expect(fixture.offsets(model.layers[0].digest) == ["bytes=700001-"])
    }
  }

  @Test func startsOverWhenTheRangeIsRefused() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [2 * Self.megabyte])
      try await leavePartial(700_001, of: model, in: fixture.store)
      fixture.registry.inject(.status(416), at: model.layers[0].digest.description)
      let lines = try await fixture.pull(fixture.name("org/m"))
      #expect(lines.last?.type == .success)
      #expect(fixture.offsets(model.layers[0].digest) == ["bytes=700001-", ""])
      let progress = lines.filter { $0.type == .progress }.map(\.layer.current)
      #expect(progress == progress.sorted())
    }
  }

  @Test func wrongBytesAreFetchedOnceMore() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [50_000])
      fixture.registry.inject(.wrongBytes, at: model.layers[0].digest.description)
      #expect(try await fixture.pull(fixture.name("org/m")).last?.type == .success)
      #expect(fixture.offsets(model.layers[0].digest) == ["", ""])
    }
  }

  @Test func wrongBytesTwiceEndThePull() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [50_000])
      let layer = model.layers[0]
      fixture.registry.inject(.wrongBytes, at: layer.digest.description, times: 2)
      let lines = try await fixture.pull(fixture.name("org/m"))
      #expect(lines.last?.type == .error)
      #expect(lines.last?.message.contains("blob digest mismatch for \"\(layer.digest)\"") == true)
      #expect(try await !fixture.store.contains(layer))
      #expect(try await fixture.store.partialSize(layer.digest) == 0)
      #expect(try await fixture.library.list().isEmpty)
    }
  }

  // MARK: Sharing

  @Test func aSecondPullJoinsTheFirst() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [3 * Self.megabyte])
      let digest = model.layers[0].digest
      fixture.registry.inject(.stall(afterBytes: 2 * Self.megabyte), at: digest.description)
      let first = try await fixture.library.pull(fixture.name("org/m"))
      var firstLines = first.makeAsyncIterator()
      let seen = await firstLines.next()
      #expect(seen?.type == .progress)
      let second = try await fixture.library.pull(fixture.name("org/m"))
      var secondLines = second.makeAsyncIterator()
      // What the first has seen is there at once.
      let caughtUp = await secondLines.next()
      #expect((caughtUp?.layer.current ?? 0) >= (seen?.layer.current ?? .max))
      await fixture.releasingStalls {
        for var lines in [firstLines, secondLines] {
          var last: ProgressLine?
          while let line = await lines.next() { last = line }
          #expect(last?.message == "Model pulled successfully")
        }
      }
      for blob in model.manifest.blobs { #expect(fixture.offsets(blob.digest).count == 1) }
    }
  }

  @Test func pullsOfDifferentNamesShareABlob() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/a", layerSizes: [2 * Self.megabyte])
      fixture.registry.add(model, to: "org/b")
      let digest = model.layers[0].digest
      fixture.registry.inject(.stall(afterBytes: Self.megabyte), at: digest.description)
      let first = try await fixture.library.pull(fixture.name("org/a"))
      let second = try await fixture.library.pull(fixture.name("org/b"))
      try await eventually { !fixture.offsets(digest).isEmpty }
      await fixture.releasingStalls {
        for stream in [first, second] {
          let lines = await stream.reduce(into: []) { $0.append($1) }
          #expect(lines.last?.message == "Model pulled successfully")
          #expect(lines.dropLast().last?.layer.current == model.layers[0].size)
        }
      }
      #expect(fixture.offsets(digest).count == 1)
      let tags = [fixture.name("org/a"), fixture.name("org/b")]
      #expect(Set(try await fixture.library.resolve(model.digest.hex).tags) == Set(tags))
    }
  }

  @Test func theLastListenerToLeaveEndsThePull() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [3 * Self.megabyte])
      let layer = model.layers[0]
      fixture.registry.inject(.stall(afterBytes: 2 * Self.megabyte), at: layer.digest.description)
      var first: ProgressStream? = try await fixture.library.pull(fixture.name("org/m"))
      var second: ProgressStream? = try await fixture.library.pull(fixture.name("org/m"))
      for await line in try #require(first) where line.layer.current > Self.megabyte { break }
      first = nil
      // The other is still there: the pull goes on.
      #expect(fixture.store.layout.partial(layer.digest).isFile)
      #expect(second?.failure == nil)
      second = nil
      try await eventually { try await fixture.store.partialSize(layer.digest) > Self.megabyte }
      fixture.registry.releaseStalls()
      let lines = try await fixture.pull(fixture.name("org/m"))
      #expect(lines.last?.type == .success)
      let offsets = fixture.offsets(layer.digest)
      #expect(offsets.count == 2 && offsets[1].hasPrefix("bytes="))
    }
  }

  @Test func aCancelledCallerLeaves() async throws {
    try await LibraryFixture.with { fixture in
      try fixture.registry.addModel("org/m")
      fixture.registry.inject(.stall(afterBytes: 10), at: "manifests/latest")
      let library = fixture.library
      let name = fixture.name("org/m")
      let pulling = Task { try await library.pull(name) }
      try await eventually { !fixture.registry.requests(at: "manifests/latest").isEmpty }
      pulling.cancel()
      await #expect(throws: CancellationError.self) { _ = try await pulling.value }
      fixture.registry.releaseStalls()
      #expect(try await fixture.pull(name).last?.type == .success)
    }
  }

  @Test func purgeStopsPulls() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [3 * Self.megabyte])
      fixture.registry.inject(.stall(afterBytes: 2 * Self.megabyte), at: model.layers[0].digest.description)
      let stream = try await fixture.library.pull(fixture.name("org/m"))
      try await fixture.library.purge()
      let lines = await stream.reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .error && stream.failure?.code == .cancelled)
      fixture.registry.releaseStalls()
      #expect(try await fixture.library.list().isEmpty)
      #expect(try await fixture.store.partialSize(model.layers[0].digest) == 0)
    }
  }
}
