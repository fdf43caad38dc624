// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage
import Testing

@testable import PetrelStore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct ModelTests {
  @Test func aModelAppearsOnlyWithAllItsBlobs() async throws {
    try await withStore { store in
      let model = try SampleModel("a")
      #expect(await storeErrorCode { try await store.commit(manifest: model.manifest.serialized()) } == .missingBlob)
      try await store.writeBlob(model.layers[0].bytes, as: model.layers[0].descriptor)
      // The config counts too.
      #expect(await storeErrorCode { try await store.commit(manifest: model.manifest.serialized()) } == .missingBlob)
      #expect(try await store.list().isEmpty)
      #expect(try names(in: store.layout.manifests).isEmpty)
      let stored = try await model.add(to: store, tag: "a")
      #expect(stored.config.contextSize == 4096)
      #expect(stored.created == 1_749_988_800)
      #expect(try await store.manifestBytes(stored.id) == model.manifest.serialized())
    }
  }

  @Test func aModelWithAnUnreadableConfigIsRefused() async throws {
    try await withStore { store in
      var model = try SampleModel("a")
      model.configBytes = bytes("not JSON")
      model.manifest.config = descriptor(model.configBytes, MediaType.configV01)
      let broken = model
      #expect(await storeErrorCode { try await broken.add(to: store, tag: "a") } == .invalidArtifact)
      let models = try await store.list()
      #expect(models.isEmpty)
    }
  }

  @Test func aManifestMustMatchItsDigest() async throws {
    try await withStore { store in
      let model = try SampleModel("a")
      try await model.add(to: store)
      let code = await storeErrorCode {
        try await store.commit(manifest: model.manifest.serialized(), id: Digest(ofText: "x"))
      }
      #expect(code == .digestMismatch)
    }
  }

  @Test func aChangedManifestIsNotBelievedButRepaired() async throws {
    try await withScratch { root in
      let model = try SampleModel("a")
      do {
        let store = try await openStore(root)
        let id = try await model.add(to: store, tag: "a").id
        try write(bytes("{}"), to: store.layout.manifest(id))
      }
      let store = try await openStore(root)
      #expect(try await store.list().isEmpty)
      #expect(await storeErrorCode { try await store.find(selector("a")) } == .corrupt)
      try await model.add(to: store)
      #expect(try await store.find(selector("a")) != nil)
    }
  }

  @Test func aTagIsHeldByOneModel() async throws {
    try await withStore { store in
      let first = try await SampleModel("a").add(to: store, tag: "model:v1")
      let second = try await SampleModel("b").add(to: store, tag: "model:v10")
      try await store.tag(second.id, as: ModelReference(parsing: "model:v1"))
      #expect(try await store.find(first.id)?.tags == [])
      #expect(try await store.find(second.id)?.tags == ["docker.io/ai/model:v10", "docker.io/ai/model:v1"])
      // Naming by digest gives no tag.
      try await store.tag(first.id, as: ModelReference(parsing: "model@\(first.id)"))
      #expect(try await store.find(first.id)?.tags == [])
      let unknown = Digest(ofText: "unknown")
      let code = await storeErrorCode { try await store.tag(unknown, as: ModelReference(parsing: "x")) }
      #expect(code == .notFound)
    }
  }

  @Test func removesByTheTable() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store, tag: "a")
      try await store.tag(model.id, as: ModelReference(parsing: "b"))
      try await store.tag(model.id, as: ModelReference(parsing: "c"))
      let byTag = try await store.remove(selector("b"), force: true)
      #expect(byTag == [.untagged("docker.io/ai/b:latest")])
      do {
        _ = try await store.remove(selector(model.id.short), force: false)
        Issue.record("removed a model with two tags")
      } catch let error as StoreError {
        #expect(error.code == .conflict)
        #expect(
          error.message == "unable to delete \"\(model.id.short)\" (must be forced) due to multiple tag references: "
            + "resource conflict")
      }
      let forced = try await store.remove(selector(model.id.description), force: true)
      #expect(forced == [.untagged("docker.io/ai/a:latest"), .untagged("docker.io/ai/c:latest"), .deleted(model.id)])
      #expect(await storeErrorCode { try await store.remove(selector("a"), force: true) } == .notFound)

      let last = try await SampleModel("b").add(to: store, tag: "d")
      #expect(
        try await store.remove(selector("d"), force: false) == [.untagged("docker.io/ai/d:latest"), .deleted(last.id)])
      let untagged = try await SampleModel("c").add(to: store)
      #expect(try await store.remove(selector("x@\(untagged.id)"), force: false) == [.deleted(untagged.id)])
      #expect(try names(in: store.layout.blobs).isEmpty)
      #expect(try names(in: store.layout.manifests).isEmpty)
    }
  }

  @Test func sharedAndHeldBlobsStay() async throws {
    try await withStore { store in
      let shared = bytes("shared")
      let first = try await SampleModel([(MediaType.gguf, "a", shared), (MediaType.license, "l", bytes("1"))])
        .add(to: store, tag: "first")
      let second = try await SampleModel([(MediaType.gguf, "a", shared), (MediaType.license, "l", bytes("2"))])
        .add(to: store, tag: "second")
      _ = try await store.bundle(for: first)
      _ = try await store.remove(selector("first"), force: false)
      #expect(try await store.contains(second.manifest.layers[0]))
      #expect(try await !store.contains(first.manifest.layers[1]))
      #expect(try names(in: store.layout.bundles).isEmpty)

      var hold: BlobHold? = try await store.hold([second.manifest.layers[1].digest])
      _ = try await store.remove(selector("second"), force: false)
      #expect(try await store.contains(second.manifest.layers[1]))
      #expect(try await !store.contains(second.manifest.layers[0]))
      #expect(try await store.removeOrphans(olderThan: -1) == 0)
      #expect(try await store.contains(second.manifest.layers[1]))
      withExtendedLifetime(hold) {}
      hold = nil
      _ = try await store.removeOrphans(olderThan: -1)
      #expect(try await !store.contains(second.manifest.layers[1]))
    }
  }

  @Test func anUnreadableModelCanBeRemoved() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store, tag: "a")
      try FileManager.default.removeItem(atPath: store.layout.manifest(model.id).string)
      #expect(try await store.remove(selector("a"), force: false).last == .deleted(model.id))
      #expect(try names(in: store.layout.blobs).isEmpty)
    }
  }

  @Test func orphansGoButNotTheYoungOnes() async throws {
    try await withStore { store in
      let model = try await SampleModel("a").add(to: store)
      try await store.writeBlob([1], as: descriptor([1]))
      try write([2], to: store.layout.manifests.appending(Digest(of: [2]).hex))
      #expect(try await store.removeOrphans() == 0)
      #expect(try await store.removeOrphans(olderThan: -1) == 2)
      #expect(try await store.contains(model.manifest.layers[0]))
      #expect(try await store.find(model.id) != nil)
      #expect(try names(in: store.layout.manifests) == [model.id.hex])
    }
  }

  @Test func opensAfterACrashAndSweepsOldLeftovers() async throws {
    try await withScratch { root in
      let layout = StoreLayout(root: root)
      _ = try await openStore(root)
      let old = Date(timeIntervalSinceNow: -8 * 24 * 3600)
      func leave(_ path: FilePath, age: Date?) throws {
        try write([1], to: path)
        if let age { try FileManager.default.setAttributes([.modificationDate: age], ofItemAtPath: path.string) }
      }
      try leave(layout.partial(Digest(of: [1])), age: old)
      try leave(layout.partial(Digest(of: [2])), age: nil)
      try leave(root.appending("models.json.tmp-1"), age: old)
      try leave(root.appending("models.json.tmp-2"), age: nil)
      try leave(layout.manifests.appending("x.tmp-3"), age: old)
      let bundle = layout.bundles.appending("x.tmp-4")
      try FileManager.default.createDirectory(atPath: bundle.string, withIntermediateDirectories: true)
      try write([1], to: bundle.appending("f"))
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: bundle.string)
      let store = try await openStore(root)
      #expect(try names(in: layout.blobs) == [layout.partial(Digest(of: [2])).lastComponent?.string])
      #expect(!exists(root.appending("models.json.tmp-1")) && exists(root.appending("models.json.tmp-2")))
      #expect(try names(in: layout.manifests).isEmpty && names(in: layout.bundles).isEmpty)
      #expect(try await store.list().isEmpty)
    }
  }

  @Test func purgeEmptiesTheStoreButNoForeignFolder() async throws {
    try await withStore { store in
      let root = store.layout.root
      try await SampleModel("a").add(to: store, tag: "a")
      try write([1], to: root.appending("stray"))
      try await store.purge()
      #expect(try await store.list().isEmpty)
      #expect(try await store.find(selector("a")) == nil)
      let left = [".petrel-index.lock", ".petrel.lock", "blobs", "bundles", "layout.json", "manifests", "models.json"]
      #expect(try names(in: root) == left)
      try await SampleModel("a").add(to: store, tag: "a")
      #expect(try await store.list().count == 1)

      try FileManager.default.removeItem(atPath: root.appending("layout.json").string)
      #expect(await storeErrorCode { try await store.purge() } == .notAStore)
      #expect(try await store.list().count == 1)
    }
  }

  @Test func diskUsageCountsLinkedFilesOnce() async throws {
    try await withStore { store in
      let content = [UInt8](repeating: 3, count: 100_000)
      let model = try await SampleModel([(MediaType.gguf, nil, content)]).add(to: store)
      let before = try await store.diskUsage()
      let bundle = try await store.bundle(for: model)
      #expect(bundle.ggufPath != nil)
      let after = try await store.diskUsage()
      #expect(before >= 100_000 && after >= before && after < before + 10_000)
    }
  }
}
