// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage
import Testing

@testable import PetrelStore

/// A file system with neither links nor clones: what would be shared is copied.
@Suite struct SharingFallbackTests {
  /// - Parameter isLinkless: also of links; clones are refused always.
  private func withoutClones(
    isLinkless: Bool, _ body: (ModelStore, _ folder: FilePath) async throws -> Void
  ) async throws {
    try await withScratch { folder in
      let probe: DiskProbe = { change throws(Errno) in
        if isLinkless, change.kind == .link { throw .notPermitted }
        if change.kind == .clone { throw .notSupported }
      }
      let store = try await ModelStore.open(at: folder.appending("store"), logger: quietLogger, probe: probe)
      try await body(store, folder)
    }
  }

  @Test(arguments: [true, false])
  func aBundleIsMadeOfLinksOrCopies(_ isLinkless: Bool) async throws {
    try await withoutClones(isLinkless: isLinkless) { store, _ in
      let model = try SampleModel("weights")
      let bundle = try await store.bundle(for: try await model.add(to: store))
      let file = try #require(bundle.ggufPath)
      #expect(try contents(file) == model.layers[0].bytes)
      let blob = store.layout.blob(model.layers[0].descriptor.digest)
      #expect(try (file.stat().inode == blob.stat().inode) == !isLinkless)
      #expect(try file.stat().permissions.isDisjoint(with: .writableByAll))
      // It is used again, and a check takes the copy for a true one.
      #expect(try await store.bundle(for: #require(try await store.find(model.id))) == bundle)
      #expect(try await check(store).isEmpty)
    }
  }

  @Test(arguments: [true, false])
  func aFileIsLinkedOrCopied(_ isLinkless: Bool) async throws {
    try await withoutClones(isLinkless: isLinkless) { store, folder in
      let content = bytes("a file of another program")
      let file = folder.appending("w.gguf")
      try write(content, to: file)
      let hold = try await store.hold([])
      let adoption = try await store.adopt(file, expecting: Digest(of: content), mayLink: true, hold: hold)
      #expect(adoption.method == (isLinkless ? .copied : .linked))
      #expect(try contents(store.layout.blob(adoption.digest)) == content)
      #expect(try names(in: store.layout.blobs) == [adoption.digest.hex])
    }
  }
}
