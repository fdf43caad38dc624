// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import Testing

@testable import PetrelLibrary

@Suite struct ProgressFeedTests {
  private static let layer = Descriptor(
    mediaType: MediaType.gguf, size: 1_000_000_000, digest: Digest(ofText: "layer"))

  @Test func aSlowListenerSeesTheNewestAndCostsNothing() async throws {
    let feed = ProgressFeed(mode: .pull) {}
    let stream = try #require(ProgressStream(feed))
    feed.start(total: Self.layer.size)
    for current in stride(from: Int64(0), through: Self.layer.size, by: 2_000_000) {
      feed.report(Self.layer, current: current)
    }
    feed.finish(.success("done"))
    let lines = await stream.reduce(into: []) { $0.append($1) }
    #expect(lines.map(\.layer.current) == [Self.layer.size, 0])
    #expect(lines.last == ProgressLine(type: .success, message: "done", mode: .pull))
  }

  @Test func smallStepsAreHeldBackButNotTheLast() async throws {
    let feed = ProgressFeed(mode: .push) {}
    var lines = try #require(ProgressStream(feed)).makeAsyncIterator()
    let small = Descriptor(mediaType: MediaType.gguf, size: 3_000_000, digest: Digest(ofText: "small"))
    feed.start(total: 3_000_000)
    feed.report(small, current: 1_100_000)
    #expect(await lines.next()?.message == "Uploaded: 1.05 MB")
    // Steps back are not shown, nor what goes beyond the end.
    feed.report(small, current: 5)
    feed.report(small, current: 2_200_000)
    #expect(await lines.next()?.layer.current == 2_200_000)
    feed.report(small, current: 4_000_000)
    #expect(await lines.next()?.layer.current == 3_000_000)
    feed.finish(.failure(LibraryError(.noSpace, "full")))
    #expect(await lines.next()?.message == "Error: full")
    #expect(await lines.next() == nil)
  }

  @Test func aFeedThatEndedTakesNoListener() async throws {
    let feed = ProgressFeed(mode: .pull) {}
    let first = try #require(ProgressStream(feed))
    feed.finish(.success("done"))
    #expect(ProgressStream(feed) == nil)
    try await first.waitForStart()
    #expect(first.failure == nil)
  }

  @Test func isAbandonedOnceByTheLastListener() async throws {
    let calls = Counter()
    let feed = ProgressFeed(mode: .pull) { calls.increment() }
    var streams = try (0..<3).map { _ in try #require(ProgressStream(feed)) }
    streams.removeLast(2)
    #expect(calls.value == 0)
    withExtendedLifetime(streams) {}
    streams = []
    #expect(calls.value == 1)
    #expect(ProgressStream(feed) == nil)
  }

  @Test func aCancelledListenerStopsWaiting() async throws {
    let feed = ProgressFeed(mode: .pull) {}
    let stream = try #require(ProgressStream(feed))
    let waiting = Task { await stream.reduce(into: 0) { count, _ in count += 1 } }
    waiting.cancel()
    #expect(await waiting.value == 0)
  }
}
