// SPDX-License-Identifier: Apache-2.0

import Dispatch
import PetrelOCI
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct InspectionTests {
  @Test func nothingIsWrongWithAGoodStore() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store, tag: "a")
      _ = try await store.bundle(for: model)
      #expect(try await check(store).isEmpty)
    }
  }

  @Test func everyKindOfDamageIsFound() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      let good = try await SampleModel("good").add(to: store, tag: "good")
      func damage(_ name: String, _ harm: (StoredModel) async throws -> Void) async throws -> [StoreFinding.Kind] {
        let model = try await SampleModel(name).add(to: store, tag: ModelReference(parsing: name).description)
        try await harm(model)
        #expect(try await check(store, [good.id]).isEmpty)
        return try await check(store, [model.id]).map(\.kind)
      }
      func blob(_ model: StoredModel) -> FilePath { store.layout.blob(model.manifest.layers[0].digest) }
      #expect(try await damage("m1") { try FileManager.default.removeItem(atPath: blob($0).string) } == [.missingBlob])
      #expect(try await damage("m2") { try rewrite(blob($0), bytes("m3")) } == [.damagedBlob])
      #expect(try await damage("m4") { try rewrite(blob($0), bytes("longer")) } == [.damagedBlob])
      #expect(
        try await damage("m5") { try rewrite(store.layout.blob($0.manifest.config.digest), bytes("{}")) }
          == [.damagedBlob])
      #expect(
        try await damage("m6") { try FileManager.default.removeItem(atPath: store.layout.manifest($0.id).string) }
          == [.missingManifest])
      #expect(
        try await damage("m7") { try rewrite(store.layout.manifest($0.id), bytes("{}")) } == [.damagedManifest])
      #expect(
        try await damage("m8") { model in
          let file = try #require(try await store.bundle(for: model).ggufPath)
          try FileManager.default.removeItem(atPath: file.string)
          try write(bytes("xx"), to: file)
        } == [.staleBundle])
      // A copy is as good as a link.
      #expect(
        try await damage("m9") { model in
          let file = try #require(try await store.bundle(for: model).ggufPath)
          try FileManager.default.removeItem(atPath: file.string)
          try write(bytes("m9"), to: file)
        } == [])
    }
  }

  @Test func whatIsNotNeededIsNoDamage() async throws {
    try await withStore { store in
      try await SampleModel("a").add(to: store, tag: "a")
      try await store.writeBlob([1], as: descriptor([1]))
      try write([2], to: store.layout.manifests.appending(Digest(of: [2]).hex))
      try write([3], to: store.layout.partial(Digest(of: [3])))
      let found = try await check(store)
      #expect(Set(found.map(\.kind)) == [.orphanBlob, .orphanManifest, .partialDownload])
      #expect(found.allSatisfy { !$0.kind.isDamage && $0.models.isEmpty && $0.size == 1 })
      // By its name it would be trusted.
      try rewrite(store.layout.blob(Digest(of: [1])), [9])
      #expect(try await check(store).contains { $0.kind == .damagedBlob })
      try await store.removeDamagedOrphan(Digest(of: [1]))
      #expect(try await !check(store).contains { $0.kind.isDamage })
    }
  }

  @Test func anEntryWithOtherFilesThanItsManifestIsMended() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store, tag: "a")
      let text = #"{"models":[{"id":"\#(model.id)","tags":["docker.io/ai/a:latest"],"files":[]},{"id":"odd"}]}"#
      try write(bytes(text), to: store.layout.indexFile)
      #expect(try await check(store).map(\.kind) == [.wrongFileList, .invalidEntry])
      try await store.repairFileList(of: model.id)
      try await store.dropInvalidEntries()
      #expect(try await check(store).isEmpty)
      #expect(try await store.remove(selector("a"), force: false).last == .deleted(model.id))
      #expect(try names(in: store.layout.blobs).isEmpty)
    }
  }

  @Test func aDamagedBlobCountsAsMissingUntilItIsReplaced() async throws {
    try await withStore { store in
      let sample = try SampleModel("a")
      let model = try await sample.add(to: store, tag: "a")
      let layer = model.manifest.layers[0]
      let bundle = try await store.bundle(for: model)
      try rewrite(store.layout.blob(layer.digest), bytes("b"))
      #expect(try await store.contains(layer))
      try await store.markDamaged(layer.digest)
      #expect(try await !store.contains(layer))
      // It stays where it is, but no engine is given it.
      #expect(try contents(store.layout.blob(layer.digest)) == bytes("b"))
      #expect(!exists(bundle.root))
      #expect(await storeErrorCode { try await store.bundle(for: model) } == .missingBlob)
      try await store.writeBlob(sample.layers[0].bytes, as: layer)
      #expect(try await store.contains(layer))
      #expect(try contents(#require(try await store.bundle(for: model).ggufPath)) == bytes("a"))
      #expect(try await check(store).isEmpty)
    }
  }

  @Test func aTornIndexIsMadeAnewWithItsTags() async throws {
    try await withStore { store in
      let first = try await SampleModel("a").add(to: store, tag: "a")
      let second = try await SampleModel("b").add(to: store, tag: "b:v1")
      #expect(try await store.rebuildIndex() == nil)
      try write(bytes(#"{"models":[{"#), to: store.layout.indexFile)
      #expect(try await check(store).map(\.kind) == [.unreadableIndex])
      #expect(try await store.rebuildIndex() == 2)
      #expect(try await store.list().map(\.tags) == [first.tags, second.tags])
      #expect(try contents(store.layout.damagedIndex) == bytes(#"{"models":[{"#))
      // Without the copy the models are there, but not their tags.
      try write(bytes("["), to: store.layout.indexFile)
      try FileManager.default.removeItem(atPath: store.layout.indexCopy.string)
      #expect(try await store.rebuildIndex() == 2)
      #expect(try await Set(store.list().map(\.id)) == [first.id, second.id])
      #expect(try await store.list().allSatisfy { $0.tags.isEmpty })
    }
  }

  /// Changes a file's bytes in place, whatever its permissions.
  private func rewrite(_ path: FilePath, _ bytes: [UInt8]) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path.string)
    let file = try FileDescriptor.open(path, .writeOnly, options: .truncate)
    try file.closeAfter { _ = try file.writeAll(bytes) }
  }
}

@Suite struct UpkeepTests {
  @Test func whatIsInUseIsNoGarbage() async throws {
    try await withStore { store in
      try await store.writeBlob([1], as: descriptor([1]))
      try write([2], to: store.layout.partial(Digest(of: [2])))
      var hold: BlobHold? = try await store.hold([Digest(of: [1]), Digest(of: [2])])
      #expect(try await store.garbage(olderThan: -1).isEmpty)
      // Held after it was found.
      withExtendedLifetime(hold) {}
      hold = nil
      let garbage = try await store.garbage(olderThan: -1)
      #expect(garbage.count == 2)
      hold = try await store.hold([Digest(of: [1]), Digest(of: [2])])
      #expect(try await store.remove(garbage: garbage).isEmpty)
      withExtendedLifetime(hold) {}
      hold = nil
      // A model took it up after it was found.
      let model = try await SampleModel([(MediaType.gguf, nil, [1])]).add(to: store)
      #expect(try await store.remove(garbage: garbage).map(\.kind) == [.partialDownload])
      #expect(try await check(store, [model.id]).isEmpty)
    }
  }

  @Test func aPartialThatIsBeingWrittenStays() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      let theirs = try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
      let content = [UInt8](repeating: 7, count: 100)
      _ = try await theirs.withIngest(of: Digest(of: content), size: 100) { writer in
        try await writer.append(content)
        let garbage = try await store.garbage(olderThan: -1)
        #expect(garbage.map(\.kind) == [.partialDownload])
        #expect(try await store.remove(garbage: garbage).isEmpty)
      }
      #expect(try await store.contains(descriptor(content)))
    }
  }

  @Test func aRemovedModelsBundleStaysWhileAnEngineOpensIt() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store, tag: "a")
      var hold: BundleHold? = store.holdBundle(of: model.id)
      let file = try #require(try await store.bundle(for: model).ggufPath)
      _ = try await store.remove(selector("a"), force: false)
      #expect(try contents(file) == bytes("a"))
      #expect(try names(in: store.layout.blobs).isEmpty)
      #expect(try await store.garbage(olderThan: -1).isEmpty)
      withExtendedLifetime(hold) {}
      hold = nil
      try await eventually("the bundle is gone") { !exists(file) }
      #expect(try await store.garbage(olderThan: -1).isEmpty)
    }
  }

  @Test func aModelThatIsRemovedWhileItsBundleIsMadeLeavesNone() async throws {
    try await withScratch { root in
      let gate = LinkGate()
      let store = try await ModelStore.open(
        at: root, logger: quietLogger, probe: { change throws(Errno) in gate.pass(change) })
      let model = try await SampleModel("a").add(to: store, tag: "a")
      gate.onFirstLink { _ = try? await store.remove(selector("a"), force: false) }
      #expect(await storeErrorCode { try await store.bundle(for: model) } == .notFound)
      #expect(try names(in: store.layout.bundles).isEmpty)
      #expect(try names(in: store.layout.blobs).isEmpty)
    }
  }

  @Test func theDiskUsageAddsUp() async throws {
    try await withStore { store in
      let shared = [UInt8](repeating: 1, count: 10_000)
      let first = try await SampleModel([(MediaType.gguf, "a", shared), (MediaType.license, "l", bytes("1"))])
        .add(to: store, tag: "a")
      try await SampleModel([(MediaType.gguf, "a", shared), (MediaType.license, "l", bytes("22"))]).add(to: store)
      _ = try await store.bundle(for: first)
      try await store.writeBlob([UInt8](repeating: 2, count: 500), as: descriptor([UInt8](repeating: 2, count: 500)))
      try write([UInt8](repeating: 3, count: 300), to: store.layout.partial(Digest(of: [3])))
      let usage = try await store.usage()
      #expect(usage.models.count == 2)
      #expect(usage.shared == StoreUsage.Part(count: 1, size: 10_000) || usage.shared.count == 2)
      #expect(usage.untagged.count == 1)
      #expect(usage.untagged.size >= 2 && usage.untagged.size < 1000)
      #expect(usage.orphans == StoreUsage.Part(count: 1, size: 500))
      #expect(usage.partials == StoreUsage.Part(count: 1, size: 300))
      #expect(usage.bundles.count == 1 && usage.bundles.size < 100)
      #expect(usage.total == Folder.diskUsage(store.layout.root))
      #expect(try await store.removeUntagged(first.id) == false)
    }
  }

  @Test func aBlockedDiskThreadHoldsUpNobody() async throws {
    let lanes = DiskLanes(maximum: 16)
    let lock = Blocker()
    for _ in 0..<15 { lanes.run { _ in lock.wait() } }
    // Runs though fifteen others wait.
    await withCheckedContinuation { continuation in lanes.run { _ in continuation.resume() } }
    lock.open()
    // More than there are lanes stand in line, and all have their turn.
    let counter = Counter()
    for _ in 0..<1000 { lanes.run { _ in counter.increment() } }
    try await eventually("all have had their turn") { counter.value == 1000 }
  }
}

/// Runs something the first time that a file is linked, and waits for its end.
private final class LinkGate: Sendable {
  private let action = Mutex<(@Sendable () async -> Void)?>(nil)

  func onFirstLink(_ action: @escaping @Sendable () async -> Void) { self.action.withLock { $0 = action } }

  func pass(_ change: DiskChange) {
    guard change.kind == .link, let action = action.withLock({ $0.take() }) else { return }
    let isDone = DispatchSemaphore(value: 0)
    Task {
      await action()
      isDone.signal()
    }
    // On a thread of the disk's, which may wait.
    isDone.wait()
  }
}

/// Blocks threads until it is opened.
private final class Blocker: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func wait() {
    semaphore.wait()
    semaphore.signal()
  }

  func open() { semaphore.signal() }
}
