// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelLibrary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Pulls of large blobs, with small numbers: chunks of 256 KiB, ranges from 1 MiB on.
@Suite struct RangedPullTests {
  private static let chunk = 256 * 1024
  private static let size = 13 * chunk + 1234
  private static let chunks = 14

  private static func limits(_ change: (inout TransferLimits) -> Void = { _ in }) -> TransferLimits {
    var limits = TransferLimits()
    limits.rangesFrom = 1024 * 1024
    limits.chunkSize = Int64(chunk)
    limits.slowAfter = .seconds(300)
    change(&limits)
    return limits
  }

  private struct Scene {
    let fixture: LibraryFixture
    let proxy: FaultProxy
    let model: FakeModel

    var layer: Descriptor { model.layers[0] }
    var name: String { "\(proxy.host)/org/big:latest" }
    /// What requests asked for, in bytes.
    var ranges: [Range<Int>] {
      proxy.requests.compactMap { request in
        let bounds = (request.range ?? "").dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
        return bounds.count == 2 ? bounds[0]..<bounds[1] + 1 : nil
      }
    }
    var chunksFile: FilePath { fixture.store.layout.chunks(layer.digest) }

    /// The model is there and its layer has the right bytes, and nothing else is left.
    func expectWhole(_ lines: [ProgressLine]) async throws {
      #expect(lines.last?.type == .success, "\(lines.last?.message ?? "no line")")
      let stored = try await fixture.library.resolve(name)
      #expect(stored.id == model.digest)
      let path = fixture.store.layout.blob(layer.digest).string
      let bytes = try #require(FileManager.default.contents(atPath: path))
      #expect(Digest(of: Array(bytes)) == layer.digest)
      let names = try FileManager.default.contentsOfDirectory(
        atPath: fixture.store.layout.blob(layer.digest).removingLastComponent().string)
      #expect(names.allSatisfy { $0.count == 64 }, "\(names)")
      let progress = lines.filter { $0.layer.id == layer.digest.description }.map(\.layer.current)
      #expect(progress == progress.sorted() && progress.last == layer.size)
    }
  }

  private static func with(
    _ limits: TransferLimits = limits(), freeSpace: Int64 = .max, _ body: (Scene) async throws -> Void
  ) async throws {
    try await LibraryFixture.with(freeSpace: freeSpace, limits: limits) { fixture in
      let model = try fixture.registry.addModel("org/big", layerSizes: [size])
      try await FaultProxy.with(fixture.registry.host, blob: model.layers[0].digest) { proxy in
        try await body(Scene(fixture: fixture, proxy: proxy, model: model))
        await fixture.library.shutdown()
      }
    }
  }

  private static func range(of index: Int) -> Range<Int> { index * chunk..<min((index + 1) * chunk, size) }

  @Test func bringsEachChunkOnce() async throws {
    try await Self.with { scene in
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.ranges.first == Self.range(of: 0))
      #expect(scene.ranges.sorted { $0.lowerBound < $1.lowerBound } == (0..<Self.chunks).map(Self.range))
    }
  }

  @Test func oneStreamWhereThereAreNoRanges() async throws {
    try await Self.with { scene in
      scene.proxy.inject(.ignoreRange, at: 0)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.ranges == [Self.range(of: 0)])
    }
  }

  @Test func oneStreamThatBreaksGoesOn() async throws {
    try await Self.with { scene in
      scene.proxy.inject(.ignoreRange, at: 0)
      scene.proxy.inject(.ignoreRange, at: 1_500_000)
      scene.proxy.inject(.cut, at: 1_000_000)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.ranges.count == 2 && scene.ranges.last?.upperBound == Self.size)
    }
  }

  struct Faults: Sendable, CustomTestStringConvertible {
    let all: [(ProxyFault, at: Int64)]
    init(_ all: (ProxyFault, at: Int64)...) { self.all = all }
    var testDescription: String { all.map { "\($0.0) at \($0.at)" }.joined(separator: ", ") }
  }

  /// Faults that one more request for the same bytes overcomes.
  @Test(arguments: [
    Faults((.cut, at: 0)), Faults((.cut, at: 1_000_000), (.cut, at: 1_100_000), (.cut, at: 2_500_000)),
    Faults((.status(429, headers: ["Retry-After": "3"]), at: 0)),
    Faults((.status(500), at: 0), (.status(503), at: 999)),
    Faults((.otherRange, at: 0)), Faults((.otherRange, at: 1_000_000), (.otherRange, at: 2_000_000)),
    Faults((.tag("a"), at: 0), (.tag("b"), at: 1_000_000), (.tag("a"), at: 2_000_000)),
    Faults((.total(17), at: 800_000)),
    Faults((.ignoreRange, at: 1_000_000)),
  ])
  func overcomes(_ faults: Faults) async throws {
    try await Self.with { scene in
      for (fault, byte) in faults.all { scene.proxy.inject(fault, at: byte) }
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.proxy.pendingFaults == 0)
    }
  }

  @Test func whatBrokeIsAskedForFromWhereItBroke() async throws {
    try await Self.with(Self.limits { $0.connectionsPerBlob = 1 }) { scene in
      scene.proxy.inject(.cut, at: 300_000)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      let rest = try #require(scene.ranges.first { $0.lowerBound % Self.chunk != 0 })
      #expect(rest.upperBound == 2 * Self.chunk && rest.lowerBound <= 300_000)
      #expect(scene.ranges.count == Self.chunks + 1)
    }
  }

  @Test func asksTheRegistryAgainWhenAStorageURLExpires() async throws {
    try await Self.with { scene in
      scene.proxy.redirectBlobs()
      scene.proxy.inject(.expire, at: 1_000_000)
      scene.proxy.inject(.expire, at: 2_000_000)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      let toRegistry = scene.proxy.requests.filter { $0.path.hasPrefix("/v2/") && $0.range != nil }
      // The first connections may ask before the first redirect is known; then only who meets an expired URL does.
      #expect(toRegistry.count >= 2 && toRegistry.count < Self.chunks)
      #expect(scene.proxy.pendingFaults == 0)
    }
  }

  @Test func aStalledRangeIsCutWhenOthersHaveNothingToDo() async throws {
    try await Self.with(Self.limits { $0.slowAfter = .milliseconds(40) }) { scene in
      // Never released: without the cut, only the stall timeout of a minute would end it.
      scene.proxy.inject(.stall, at: 1_000_000)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.ranges.contains { $0.lowerBound > 786_432 && $0.lowerBound <= 1_000_000 })
    }
  }

  // MARK: Wrong bytes

  @Test func aCorruptChunkIsFoundAndReplaced() async throws {
    try await Self.with { scene in
      let bad = 5
      scene.proxy.inject(.corrupt, at: Int64(Self.range(of: bad).lowerBound) + 77)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      for index in 0..<Self.chunks {
        let count = scene.ranges.filter { $0 == Self.range(of: index) }.count
        #expect(count == (index <= bad ? 2 : 1), "chunk \(index)")
      }
      let fresh = scene.proxy.requests.filter { $0.headers.first(name: "Cache-Control") == "no-cache" }
      #expect(fresh.count == bad + 1)
    }
  }

  @Test func piecesInTheWrongOrderAreFoundAndReplaced() async throws {
    try await Self.with { scene in
      scene.proxy.inject(.reorder(1000), at: 1_000_000)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.proxy.pendingFaults == 0)
    }
  }

  @Test func severalCorruptChunksAreReplaced() async throws {
    try await Self.with { scene in
      for byte in [3, 1_000_000, Int64(Self.size) - 1] { scene.proxy.inject(.corrupt, at: byte) }
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
    }
  }

  @Test func corruptBytesOfASingleStreamAreReplaced() async throws {
    try await Self.with { scene in
      scene.proxy.inject(.ignoreRange, at: 0, times: 2)
      scene.proxy.inject(.corrupt, at: 1_000_000)
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.ranges.count == 2)
    }
  }

  @Test func bytesThatStayWrongEndThePullAndAreRemoved() async throws {
    try await Self.with { scene in
      scene.proxy.inject(.corrupt, at: 1_000_000, times: 5)
      let lines = try await scene.fixture.pull(scene.name)
      #expect(lines.last?.message.contains("blob digest mismatch for \"\(scene.layer.digest)\"") == true)
      #expect(try await !scene.fixture.store.contains(scene.layer))
      #expect(!scene.chunksFile.isFile)
      #expect(try await scene.fixture.library.list().isEmpty)
    }
  }

  // MARK: Sessions

  /// Pulls a part of the model, then leaves. The chunk with `byte` does not come.
  private func pullPart(_ scene: Scene, until byte: Int) async throws {
    scene.proxy.inject(.stall, at: Int64(byte), times: 20)
    let stream = try await scene.fixture.library.pull(scene.name)
    try await eventually { try await scene.fixture.store.partialSize(scene.layer.digest) >= Int64(byte) }
    withExtendedLifetime(stream) {}
    scene.proxy.forgetFaults()
  }

  @Test func resumesWithoutAskingForAChunkAgain() async throws {
    try await Self.with { scene in
      let held = Self.range(of: 9)
      try await pullPart(scene, until: held.lowerBound)
      let before = try records(scene)
      #expect(before.count >= 9)
      scene.proxy.forgetRequests()
      let lines = try await scene.fixture.pull(scene.name)
      try await scene.expectWhole(lines)
      for chunk in before { #expect(!scene.ranges.contains { $0.overlaps(Self.range(of: chunk)) }, "chunk \(chunk)") }
    }
  }

  @Test func aChunkThatChangedOnTheDiskMeanwhileIsFetchedAgain() async throws {
    try await Self.with { scene in
      try await pullPart(scene, until: Self.range(of: 9).lowerBound)
      let before = try records(scene)
      let file = try FileDescriptor.open(scene.chunksFile, .readWrite)
      _ = try file.writeAll(toAbsoluteOffset: Int64(Self.range(of: 2).lowerBound + 5), [0, 0, 0])
      try file.close()
      scene.proxy.forgetRequests()
      let lines = try await scene.fixture.pull(scene.name)
      try await scene.expectWhole(lines)
      #expect(scene.ranges.filter { $0 == Self.range(of: 2) }.count == 1)
      for chunk in before where chunk != 2 { #expect(!scene.ranges.contains(Self.range(of: chunk))) }
    }
  }

  @Test func goesOnWithWhatDockerModelRunnerLeft() async throws {
    try await Self.with { scene in
      let known = 700_001
      let bytes = scene.model.layerContents[0].readableBytesView.prefix(known)
      try Data(bytes).write(to: URL(fileURLWithPath: scene.fixture.store.layout.partial(scene.layer.digest).string))
      let lines = try await scene.fixture.pull(scene.name)
      try await scene.expectWhole(lines)
      #expect(lines.first?.layer.current == Int64(known))
      #expect(scene.ranges.map(\.lowerBound).min() == known)
    }
  }

  @Test func aWrongBeginningThatSomebodyLeftIsReplaced() async throws {
    try await Self.with { scene in
      try Data(repeating: 9, count: Self.chunk + 100)
        .write(to: URL(fileURLWithPath: scene.fixture.store.layout.partial(scene.layer.digest).string))
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
    }
  }

  @Test func aRegistryThatStaysAwayEndsThePullAndWhatCameIsKept() async throws {
    try await Self.with(Self.limits { $0.connectionsPerBlob = 1 }) { scene in
      scene.proxy.inject(.status(503), at: 600_000, times: 9)
      let stream = try await scene.fixture.library.pull(scene.name)
      let lines = await stream.reduce(into: []) { $0.append($1) }
      #expect(lines.last?.type == .error && stream.failure?.code == .registry)
      #expect(lines.last?.message.contains("503") == true)
      #expect(try records(scene) == [0, 1])
      scene.proxy.forgetFaults()
      scene.proxy.forgetRequests()
      try await scene.expectWhole(try await scene.fixture.pull(scene.name))
      #expect(scene.ranges.map(\.lowerBound).min() == 2 * Self.chunk)
    }
  }

  @Test func noRoomIsSaidBeforeAnythingMoves() async throws {
    try await Self.with(freeSpace: Int64(Self.size - 1)) { scene in
      let error = await libraryError { try await scene.fixture.library.pull(scene.name) }
      #expect(error?.code == .noSpace)
      #expect(scene.ranges.isEmpty)
    }
  }

  /// Chunks that the checkpoint file has.
  private func records(_ scene: Scene) throws -> Set<Int> {
    let path = scene.fixture.store.layout.chunkRecords(scene.layer.digest).string
    let text = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
    return Set(
      text.split(separator: "\n").filter { $0.hasPrefix("w ") }.compactMap { Int($0.split(separator: " ")[1]) })
  }
}
