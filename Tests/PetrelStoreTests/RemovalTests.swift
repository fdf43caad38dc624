// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage
import Testing

@testable import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a removal or a clean-up must leave alone.
@Suite struct RemovalTests {
  /// Two models that share a layer; the index tells nothing of the second one's files, as another program may leave it.
  private func withTwoModels(_ body: (ModelStore, _ second: StoredModel) async throws -> Void) async throws {
    try await withScratch { root in
      let shared = (MediaType.gguf, "shared.gguf" as String?, bytes("shared"))
      let store = try await openStore(root)
      let first = try await SampleModel([shared]).add(to: store, tag: "first")
      let second = try await SampleModel([shared, (MediaType.license, "LICENSE", bytes("free"))])
        .add(to: store, tag: "second")
      var index = try store.index.read()
      for place in index.entries.indices where index.entries[place].id != first.id.description {
        index.entries[place].files = []
      }
      try store.index.replace(with: index)
      // Manifests are read anew, as after a start.
      store.facts.withLock { $0 = [:] }
      try await body(store, second)
    }
  }

  @Test func blobsThatAnotherManifestListsStay() async throws {
    try await withTwoModels { store, second in
      _ = try await store.remove(selector("first"), force: false)
      for blob in second.manifest.blobs { #expect(try await store.contains(blob)) }
      _ = try await store.remove(selector("second"), force: false)
      // What the index did not list goes too.
      #expect(try names(in: store.layout.blobs) == [])
    }
  }

  @Test func nothingGoesWhileAManifestCannotBeRead() async throws {
    try await withTwoModels { store, second in
      try write([], to: store.layout.manifest(second.id))
      _ = try await store.remove(selector("first"), force: false)
      for blob in second.manifest.blobs { #expect(try await store.contains(blob)) }
    }
  }

  @Test func anUntaggedModelLeavesWhatOthersNeed() async throws {
    try await withTwoModels { store, second in
      let first = try #require(try await store.find(selector("first")))
      try store.index.update { $0.removeTag(first.tags[0], from: first.id.description) }
      #expect(try await store.removeUntagged(first.id))
      for blob in second.manifest.blobs { #expect(try await store.contains(blob)) }
    }
  }

  /// Runs something before the first change of a kind.
  private final class Hook: Sendable {
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    func set(_ action: @escaping @Sendable () -> Void) { self.action.withLock { $0 = action } }
    func fire() { action.withLock { $0.take() }?() }
  }

  @Test(arguments: [true, false])
  func aFileThatIsBeingTakenInStays(mayLink: Bool) async throws {
    try await withScratch { root in
      let hook = Hook()
      let probe: DiskProbe = { change throws(Errno) in
        if change.kind == .rename, change.target?.lastComponent?.string.utf8.count == 64 { hook.fire() }
      }
      let store = try await ModelStore.open(at: root.appending("store"), logger: quietLogger, probe: probe)
      let file = root.appending("weights.gguf")
      let content = [UInt8](repeating: 3, count: 100_000)
      try write(content, to: file)
      // A hard link is as old as its file.
      let old = Date.now.addingTimeInterval(-2 * ModelStore.temporaryLifetime)
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: file.string)
      let swept = Counter()
      hook.set {
        store.sweepLeftovers(now: .now.addingTimeInterval(2 * ModelStore.temporaryLifetime))
        swept.increment()
      }
      let hold = try await store.hold([])
      let adoption = try await store.adopt(file, mayLink: mayLink, hold: hold)
      #expect(swept.value == 1)
      #expect(try contents(store.layout.blob(adoption.digest)) == content)
      withExtendedLifetime(hold) {}
    }
  }

  @Test func whatIsBeingTakenInIsNoGarbage() async throws {
    try await withStore { store in
      var name: TemporaryName? = store.temporaries.reserve(beside: store.layout.blobs.appending("adopted"))
      let path = try #require(name?.path)
      try write([1], to: path)
      let old = Date.now.addingTimeInterval(-2 * ModelStore.temporaryLifetime)
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path.string)
      #expect(try await store.garbage().isEmpty)
      withExtendedLifetime(name) {}
      name = nil
      #expect(try await store.garbage().map(\.kind) == [.leftover])
    }
  }
}
