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

/// Stops the store before every single change that an operation makes to the disk, as a crash would, and opens it
/// again: every model that is listed is whole, nothing that was there is lost, and what is left over can be swept.
@Suite struct CrashTests {
  /// A store with two models that share a layer, a third one whose blobs have arrived, and some garbage.
  struct Fixture {
    var store: ModelStore
    let first: SampleModel
    let second: SampleModel
    /// Not committed.
    let third: SampleModel

    static let shared = bytes("shared weights")

    static func prepare(_ root: FilePath) async throws -> Fixture {
      let store = try await openStore(root)
      let first = try SampleModel([(MediaType.gguf, "a", shared), (MediaType.license, "l", bytes("1"))])
      let second = try SampleModel([(MediaType.gguf, "a", shared), (MediaType.license, "l", bytes("2"))])
      try await first.add(to: store, tag: "first")
      try await second.add(to: store, tag: "second")
      let third = try SampleModel("third")
      for layer in third.layers { try await store.writeBlob(layer.bytes, as: layer.descriptor) }
      try await store.writeBlob(third.configBytes, as: third.manifest.config)
      return Fixture(store: store, first: first, second: second, third: third)
    }

    /// Calls `body` again and again, each time with a number that is one higher and a fresh copy of a store that is
    /// prepared for the operation, until it returns false.
    static func repeating(
      _ operation: Operation, _ body: (_ number: Int, Fixture, Fuse, FilePath) async throws -> Bool
    ) async throws {
      try await withScratch { folder in
        let template = folder.appending("template")
        var fixture: Fixture? = try await prepare(template)
        if let fixture { try await operation.prepare(fixture) }
        let models = try #require(fixture)
        let (first, second, third) = (models.first, models.second, models.third)
        fixture = nil
        var number = 0
        var goesOn = true
        while goesOn {
          let root = folder.appending("\(number)")
          try FileManager.default.copyItem(atPath: template.string, toPath: root.string)
          let fuse = Fuse()
          let copy = Fixture(
            store: try await openStore(root, fuse: fuse), first: first, second: second, third: third)
          goesOn = try await body(number, copy, fuse, root)
          try FileManager.default.removeItem(atPath: root.string)
          number += 1
        }
        // Without that the test would look at nothing.
        #expect(number > 1)
      }
    }
  }

  enum Operation: String, CaseIterable {
    case commit, tag, moveTag, untag, removeShared, removeUnshared, removeUntagged, bundle, rebundle, prune, purge
    case rebuildIndex, repairFileList, markDamaged

    /// Models that may be gone, or may have come, when the operation was cut short.
    var mayChange: Set<String> {
      switch self {
      case .commit: ["third"]
      case .removeShared: ["first"]
      case .removeUnshared, .removeUntagged: ["third"]
      case .purge: ["first", "second", "third"]
      default: []
      }
    }

    /// What has to be there before the part that is cut short.
    func prepare(_ fixture: Fixture) async throws {
      let store = fixture.store
      switch self {
      case .removeUnshared:
        _ = try await store.bundle(for: try await fixture.third.add(to: store, tag: "third"))
      case .removeUntagged: try await fixture.third.add(to: store)
      case .untag: try await store.tag(try fixture.first.id, as: ModelReference(parsing: "other"))
      case .removeShared:
        _ = try await store.bundle(for: #require(try await store.find(fixture.first.id)))
      case .rebundle:
        let bundle = try await store.bundle(for: #require(try await store.find(fixture.first.id)))
        try write(bytes("{}"), to: bundle.root.appending("config.json"))
      case .prune:
        try write([1], to: store.layout.manifests.appending(Digest(of: [1]).hex))
        try write([2], to: store.layout.partial(Digest(of: [2])))
      case .rebuildIndex: try write(bytes("{"), to: store.layout.indexFile)
      case .repairFileList:
        let entry = #"{"id":"\#(try fixture.first.id)","tags":["docker.io/ai/first:latest"],"files":[]}"#
        let other = #"{"id":"\#(try fixture.second.id)","tags":["docker.io/ai/second:latest"],"files":["#
        let files = (fixture.second.manifest.layers + [fixture.second.manifest.config]).map { "\"\($0.digest)\"" }
        try write(
          bytes(#"{"models":["# + entry + "," + other + files.joined(separator: ",") + "]}]}"),
          to: store.layout.indexFile)
      case .markDamaged: _ = try await store.bundle(for: #require(try await store.find(fixture.first.id)))
      case .commit, .tag, .moveTag, .bundle, .purge: break
      }
    }

    func run(_ fixture: Fixture) async throws {
      let store = fixture.store
      switch self {
      case .commit:
        _ = try await store.commit(
          manifest: try fixture.third.manifest.serialized(), tag: ModelReference(parsing: "third"))
      case .tag: try await store.tag(fixture.first.id, as: ModelReference(parsing: "again"))
      case .moveTag: try await store.tag(fixture.first.id, as: ModelReference(parsing: "second"))
      case .untag: _ = try await store.remove(selector("other"), force: false)
      case .removeShared: _ = try await store.remove(selector("first"), force: false)
      case .removeUnshared: _ = try await store.remove(selector("third"), force: false)
      case .removeUntagged: _ = try await store.removeUntagged(fixture.third.id)
      case .bundle, .rebundle: _ = try await store.bundle(for: #require(try await store.find(fixture.first.id)))
      case .prune: _ = try await store.remove(garbage: store.garbage(olderThan: -1))
      case .purge: try await store.purge()
      case .rebuildIndex: _ = try await store.rebuildIndex()
      case .repairFileList: try await store.repairFileList(of: fixture.first.id)
      case .markDamaged: try await store.markDamaged(fixture.first.layers[0].descriptor.digest)
      }
    }
  }

  @Test(arguments: Operation.allCases)
  func aCrashAtAnyStepLosesNothing(_ operation: Operation) async throws {
    try await Fixture.repeating(operation) { step, fixture, fuse, root in
      let models = ["first": fixture.first, "second": fixture.second, "third": fixture.third]
      let before = try await (operation == .rebuildIndex ? [] : fixture.store.list().map(\.id))
      fuse.blow(after: step)
      // The operation may end well: what follows its last important change is only tidying up.
      _ = try? await operation.run(fixture)
      let isBlown = fuse.isBlown
      fuse.forget()
      try await expectSound(root, operation, models, before, "\(operation) stopped at step \(step)")
      return isBlown
    }
  }

  private func expectSound(
    _ root: FilePath, _ operation: Operation, _ models: [String: SampleModel], _ before: [Digest], _ moment: String
  ) async throws {
    // As a new process would: nothing is known but what is on the disk.
    let store = try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
    if operation == .rebuildIndex { _ = try await store.rebuildIndex() }
    let listed = try await store.list()
    for (name, model) in models {
      guard try name != "third" || before.contains(model.id), !operation.mayChange.contains(name) else { continue }
      let id = try model.id
      #expect(listed.contains { $0.id == id }, "\(name) is gone: \(moment)")
    }
    if operation == .rebuildIndex {
      #expect(listed.first?.tags == ["docker.io/ai/first:latest"], "the tags are gone: \(moment)")
    }
    for model in listed { _ = try await store.bundle(for: model) }
    if operation == .repairFileList { try await store.repairFileList(of: try #require(models["first"]).id) }
    let damage = try await check(store).filter { $0.kind.isDamage }
    #expect(damage.isEmpty, "\(moment): \(damage)")
    if operation == .commit, let third = models["third"] {
      #expect(try await store.contains(third.layers[0].descriptor), "a complete blob is lost: \(moment)")
      // The work can be done again.
      try await third.add(to: store, tag: "third")
    }

    // Leftovers go with the next look at them.
    store.sweepLeftovers(now: .distantFuture)
    _ = try await store.remove(garbage: store.garbage(olderThan: -1))
    #expect(try await store.garbage(olderThan: -1).isEmpty, "\(moment)")
    for folder in [store.layout.root, store.layout.blobs, store.layout.manifests, store.layout.bundles] {
      #expect(try names(in: folder).allSatisfy { !StoreLayout.isTemporary($0) }, "\(moment)")
    }
    #expect(try await check(store).isEmpty, "\(moment)")
  }

  @Test func filesAreFlushedBeforeTheyGetTheirNames() async throws {
    try await withScratch { root in
      let fuse = Fuse()
      var prepared: Fixture? = try await Fixture.prepare(root)
      let (first, second, third) = try (
        #require(prepared).first, #require(prepared).second, #require(prepared).third
      )
      prepared = nil
      let fixture = Fixture(store: try await openStore(root, fuse: fuse), first: first, second: second, third: third)
      for operation in [Operation.commit, .tag, .bundle, .removeShared] { try await operation.run(fixture) }
      let changes = fuse.changes
      var unflushed: Set<FilePath> = []
      var renamed = 0
      for change in changes {
        switch change.kind {
        case .create, .write: unflushed.insert(change.path)
        case .sync: unflushed.remove(change.path)
        case .rename:
          #expect(!unflushed.contains(change.path), "\(change)")
          renamed += 1
        default: break
        }
      }
      #expect(renamed >= 4)
    }
  }
}

@Suite struct DiskFullTests {
  /// The kinds of changes that need space.
  private static let needy: Set<DiskChange.Kind> = [.create, .write, .sync, .makeFolder, .link, .clone]

  @Test(arguments: [CrashTests.Operation.commit, .tag, .moveTag, .untag, .removeShared, .bundle, .rebundle])
  func aFullDiskIsSaidAndHarmsNothing(_ operation: CrashTests.Operation) async throws {
    try await CrashTests.Fixture.repeating(operation) { number, fixture, fuse, root in
      let before = try await fixture.store.list()
      // Removing and renaming still work, as on a real disk.
      fuse.refuse(.noSpace, Self.needy, after: number)
      do {
        try await operation.run(fixture)
      } catch let error as StoreError {
        #expect(error.code == .noSpace, "\(error)")
        #expect(error.message.contains("no space left on the disk"))
      }
      let isBlown = fuse.isBlown
      fuse.forget()
      // The same store goes on when there is space again.
      let damage = try await check(fixture.store).filter { $0.kind.isDamage }
      #expect(damage.isEmpty, "\(operation) refused at \(number): \(damage)")
      for folder in [root, fixture.store.layout.manifests, fixture.store.layout.bundles] {
        #expect(try names(in: folder).allSatisfy { !StoreLayout.isTemporary($0) }, "half-written files are left")
      }
      if operation != .removeShared {
        let after = try await fixture.store.list()
        #expect(Set(before.map(\.id)).isSubset(of: Set(after.map(\.id))))
        try await operation.prepare(fixture)
      }
      _ = try? await operation.run(fixture)
      #expect(try await check(fixture.store).filter { $0.kind.isDamage }.isEmpty)
      return isBlown
    }
  }

  @Test func aFullDiskKeepsAStoreFromOpeningWithoutHarm() async throws {
    try await withScratch { root in
      let fuse = Fuse()
      fuse.refuse(.noSpace, Self.needy, after: 0)
      #expect(await storeErrorCode { try await openStore(root.appending("s"), fuse: fuse) } == .noSpace)
      fuse.refuse(.noSpace, Self.needy, after: 5)
      #expect(await storeErrorCode { try await openStore(root.appending("s"), fuse: fuse) } == .noSpace)
      let store = try await openStore(root.appending("s"))
      #expect(try await store.list().isEmpty)
    }
  }
}

/// Lets a number of changes pass, then refuses them.
final class Fuse: Sendable {
  private struct State {
    var left: Int?
    var kinds: Set<DiskChange.Kind>?
    var error = Errno.ioError
    var isBlown = false
    var changes: [DiskChange] = []
  }

  private let state = Mutex(State())

  var isBlown: Bool { state.withLock { $0.isBlown } }
  var changes: [DiskChange] { state.withLock { $0.changes } }

  /// As a crash: nothing reaches the disk any more, tidying up included.
  func blow(after count: Int) {
    state.withLock { $0 = State(left: count) }
  }

  func refuse(_ error: Errno, _ kinds: Set<DiskChange.Kind>, after count: Int) {
    state.withLock { $0 = State(left: count, kinds: kinds, error: error) }
  }

  /// Lets everything pass.
  func forget() { state.withLock { $0 = State() } }

  func check(_ change: DiskChange) throws(Errno) {
    let error = state.withLock { state -> Errno? in
      state.changes.append(change)
      guard let left = state.left, state.kinds?.contains(change.kind) ?? true else { return nil }
      guard left == 0 else {
        state.left = left - 1
        return nil
      }
      state.isBlown = true
      return state.error
    }
    if let error { throw error }
  }
}

func openStore(_ root: FilePath, fuse: Fuse) async throws -> ModelStore {
  try await ModelStore.open(at: root, logger: quietLogger, probe: { change throws(Errno) in try fuse.check(change) })
}

/// All that is wrong with a store, every byte looked at.
func check(_ store: ModelStore, _ models: Set<Digest>? = nil) async throws -> [StoreFinding] {
  let inspection = try await store.inspect(models)
  var findings = inspection.findings
  for file in inspection.files {
    if let finding = try await store.verify(file) { findings.append(finding) }
  }
  return findings
}
