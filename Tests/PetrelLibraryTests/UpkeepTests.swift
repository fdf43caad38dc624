// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelOCI
import PetrelStore
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelLibrary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct StoreCheckTests {
  @Test func aGoodStoreIsReadToTheLastByte() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [200_000, 10])
      try await fixture.pull(fixture.name("org/m"))
      let lines = try await fixture.check()
      #expect(lines.allSatisfy { $0.problem == nil })
      let summary = try #require(lines.last?.summary)
      #expect(summary.models == 1 && summary.files == 3 && summary.damaged == 0)
      #expect(summary.bytes == 200_010 + Int64(model.configBytes.count))
      let progress = lines.filter { $0.type == .progress }
      #expect(progress.map(\.checked) == [0, summary.bytes])
      #expect(progress.map(\.total) == [summary.bytes, summary.bytes])
    }
  }

  @Test func damageIsReportedAndNothingIsChangedUnlessAsked() async throws {
    try await LibraryFixture.with { fixture in
      let (model, path) = try await fixture.pullAndDamage("org/m")
      fixture.registry.forgetRequests()
      let lines = try await fixture.check()
      let problem = try #require(lines.compactMap(\.problem).first)
      #expect(problem.kind == "damaged-blob" && problem.isDamage)
      #expect(problem.models == [fixture.name("org/m")])
      #expect(problem.path == path.string)
      #expect(lines.last?.summary?.damaged == 1 && lines.last?.summary?.repaired == 0)
      #expect(fixture.registry.requests.isEmpty)
      #expect(try await fixture.store.contains(model.layers[0]))
    }
  }

  @Test func onlyWhatIsBrokenIsPulledAgain() async throws {
    try await LibraryFixture.with { fixture in
      let (model, path) = try await fixture.pullAndDamage("org/m")
      // The tag means another model by now.
      _ = try fixture.registry.addModel("org/m", layerSizes: [10])
      fixture.registry.forgetRequests()
      let lines = try await fixture.check(StoreCheckRequest(repair: true))
      #expect(lines.last?.summary?.repaired == 1)
      #expect(lines.contains { $0.type == .repaired && $0.message?.contains("@\(model.digest)") == true })
      #expect(fixture.offsets(model.layers[0].digest) == [""])
      #expect(fixture.offsets(model.layers[1].digest).isEmpty)
      #expect(try fixture.bytes(path) == Array(model.layerContents[0].readableBytesView))
      #expect(try await fixture.check().last?.summary?.damaged == 0)
      #expect(try await fixture.library.resolve(fixture.name("org/m")).id == model.digest)
    }
  }

  @Test func aDamagedManifestIsPulledAgain() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [100])
      try await fixture.pull(fixture.name("org/m"))
      try fixture.overwrite(fixture.store.layout.manifest(model.digest), with: Array("{}".utf8))
      #expect(try await fixture.check(StoreCheckRequest(repair: true)).last?.summary?.repaired == 1)
      #expect(try fixture.bytes(fixture.store.layout.manifest(model.digest)) == model.manifestBytes)
      #expect(try await fixture.check().last?.summary?.damaged == 0)
    }
  }

  @Test func whatTheRegistryHasNoMoreStaysUntilItsRemovalIsAskedFor() async throws {
    try await LibraryFixture.with { fixture in
      let (model, path) = try await fixture.pullAndDamage("org/m")
      fixture.registry.removeBlob(model.layers[0].digest, from: "org/m")
      let lines = try await fixture.check(StoreCheckRequest(repair: true))
      #expect(lines.last?.summary?.damaged == 1 && lines.last?.summary?.repaired == 0)
      #expect(lines.contains { $0.type == .unrepaired && $0.message?.contains("org/m@") == true })
      // The broken file is all there is: it stays.
      #expect(try fixture.bytes(path).count == Int(model.layers[0].size))
      #expect(try await fixture.library.list().count == 1)
      let last = try await fixture.check(StoreCheckRequest(repair: true, removeBroken: true)).last
      #expect(last?.summary?.repaired == 1)
      #expect(try await fixture.library.list().isEmpty)
    }
  }

  @Test func onlyTheNamedModelsAreRead() async throws {
    try await LibraryFixture.with { fixture in
      _ = try await fixture.pullAndDamage("org/bad")
      _ = try fixture.registry.addModel("org/good", layerSizes: [50])
      try await fixture.pull(fixture.name("org/good"))
      let lines = try await fixture.check(StoreCheckRequest(models: [fixture.name("org/good")]))
      #expect(lines.last?.summary?.damaged == 0 && lines.last?.summary?.files == 2)
      let error = await libraryError { try await fixture.check(StoreCheckRequest(models: ["org/none"])) }
      #expect(error?.code == .notFound)
    }
  }

  @Test func aTornIndexIsMadeAnew() async throws {
    try await LibraryFixture.with { fixture in
      _ = try fixture.registry.addModel("org/m", layerSizes: [50])
      try await fixture.pull(fixture.name("org/m"))
      try fixture.overwrite(fixture.store.layout.indexFile, with: Array("{".utf8))
      let error = await libraryError { try await fixture.library.list() }
      #expect(error?.message.contains("petrel fsck --repair") == true)
      #expect(try await fixture.check(StoreCheckRequest(repair: true)).last?.summary?.repaired == 1)
      #expect(try await fixture.library.list().map(\.tags) == [[fixture.name("org/m")]])
    }
  }

  @Test func listingGoesOnDuringACheckAndAPull() async throws {
    try await LibraryFixture.with { fixture in
      _ = try fixture.registry.addModel("org/m", layerSizes: [50_000])
      try await fixture.pull(fixture.name("org/m"))
      let slow = try fixture.registry.addModel("org/slow", layerSizes: [100_000])
      fixture.registry.inject(.stall(afterBytes: 1000), at: slow.layers[0].digest.description)
      let stream = try await fixture.library.pull(fixture.name("org/slow"))
      // The check stands still while its reader looks at the first line.
      let listed = Mutex<[Int]>([])
      try await fixture.library.check(StoreCheckRequest()) { _ in
        let count = try await fixture.library.list().count
        listed.withLock { $0.append(count) }
      }
      #expect(listed.withLock { !$0.isEmpty && $0.allSatisfy { $0 == 1 } })
      let last = await fixture.releasingStalls { await stream.reduce(nil) { $1 } }
      #expect(last?.type == .success)
    }
  }
}

@Suite struct PruneTests {
  @Test func whatAPullIsWorkingOnStays() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [100_000, 500])
      fixture.registry.inject(.stall(afterBytes: 50_000), at: model.layers[0].digest.description)
      let stream = try await fixture.library.pull(fixture.name("org/m"))
      try await eventually("the small layer is there") { try await fixture.store.contains(model.layers[1]) }
      let report = try await fixture.library.prune(untagged: true, dryRun: false) { _ in false }
      #expect(report.items.isEmpty)
      let last = await fixture.releasingStalls { await stream.reduce(nil) { $1 } }
      #expect(last?.type == .success)
      #expect(try await fixture.check().last?.summary?.damaged == 0)
    }
  }

  @Test func untaggedModelsGoOnlyWhenAskedForAndNotInUse() async throws {
    try await LibraryFixture.with { fixture in
      let kept = try fixture.registry.addModel("org/kept", layerSizes: [100])
      let used = try fixture.registry.addModel("org/used", layerSizes: [200])
      let idle = try fixture.registry.addModel("org/idle", layerSizes: [300])
      try await fixture.pull(fixture.name("org/kept"))
      for (repository, model) in [("org/used", used), ("org/idle", idle)] {
        try await fixture.pull(fixture.registry.reference(repository, digest: model.digest).description)
      }
      try await fixture.store.writeBlob(
        [1, 2, 3],
        as: Descriptor(
          mediaType: MediaType.gguf, size: 3, digest: Digest(of: [1, 2, 3]), annotations: nil))
      let isUsed: @Sendable (Digest) async -> Bool = { $0 == used.digest }

      let plan = try await fixture.library.prune(untagged: true, dryRun: true, isInUse: isUsed)
      #expect(plan.dryRun && plan.items.map(\.kind) == ["untagged-model", "orphan-blob"])
      #expect(try await fixture.library.list().count == 3)

      let first = try await fixture.library.prune(untagged: false, dryRun: false, isInUse: isUsed)
      #expect(first.items.map(\.kind) == ["orphan-blob"] && first.reclaimed == 3)
      let second = try await fixture.library.prune(untagged: true, dryRun: false, isInUse: isUsed)
      #expect(second.items.map(\.name) == ["\(idle.digest)"])
      #expect(second.reclaimed >= 300)
      #expect(try await Set(fixture.library.list().map(\.id)) == [kept.digest, used.digest])
    }
  }
}

@Suite struct LoadFailureTests {
  @Test func aDamagedFileIsNamedAndPulledAgainByTheNextPull() async throws {
    try await LibraryFixture.with { fixture in
      let (model, path) = try await fixture.pullAndDamage("org/m")
      let name = fixture.name("org/m")
      let text = try #require(await fixture.library.explainLoadFailure(of: model.digest, name: name))
      #expect(text.contains(model.layers[0].digest.hex) && text.contains("petrel fsck --repair \(name)"))
      let stored = try await fixture.library.resolve(name)
      let error = await libraryError { try await fixture.library.bundle(for: stored) }
      #expect(error?.message.contains("petrel fsck --repair") == true)
      let lines = try await fixture.pull(name)
      #expect(lines.last?.type == .success)
      #expect(try fixture.bytes(path) == Array(model.layerContents[0].readableBytesView))
      #expect(await fixture.library.explainLoadFailure(of: model.digest, name: name) == nil)
    }
  }

  @Test func aShortFileIsNoticedAtOnce() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [1000])
      try await fixture.pull(fixture.name("org/m"))
      try fixture.overwrite(fixture.store.layout.blob(model.layers[0].digest), with: [1, 2, 3])
      let text = await fixture.library.explainLoadFailure(of: model.digest, name: "m")
      #expect(text?.contains("3 bytes instead of 1000") == true)
    }
  }

  @Test func filesInOrderAreNotBlamed() async throws {
    try await LibraryFixture.with { fixture in
      let model = try fixture.registry.addModel("org/m", layerSizes: [1000])
      try await fixture.pull(fixture.name("org/m"))
      #expect(await fixture.library.explainLoadFailure(of: model.digest, name: "m") == nil)
    }
  }
}

extension LibraryFixture {
  func check(_ request: StoreCheckRequest = StoreCheckRequest()) async throws -> [StoreCheckLine] {
    let lines = Mutex<[StoreCheckLine]>([])
    try await library.check(request) { line in lines.withLock { $0.append(line) } }
    return lines.withLock { $0 }
  }

  /// A model whose first file has one wrong byte, and that file.
  func pullAndDamage(_ repository: String) async throws -> (FakeModel, FilePath) {
    let model = try registry.addModel(repository, layerSizes: [100_000, 500])
    try await pull(name(repository))
    let path = store.layout.blob(model.layers[0].digest)
    var content = Array(model.layerContents[0].readableBytesView)
    content[70_000] ^= 1
    try overwrite(path, with: content)
    return (model, path)
  }

  func overwrite(_ path: FilePath, with bytes: [UInt8]) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path.string)
    let file = try FileDescriptor.open(path, .writeOnly, options: .truncate)
    try file.closeAfter { _ = try file.writeAll(bytes) }
  }

  func bytes(_ path: FilePath) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path.string))) }
}
