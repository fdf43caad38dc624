// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelStore
import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct AdoptionTests {
  private static let content = [UInt8](repeating: 5, count: 9_000_000) + [1, 2, 3]

  /// Calls `body` with a store, a file beside it, and a hold.
  private func withFile(
    _ content: [UInt8] = content, freeSpace: Int64 = .max,
    _ body: (ModelStore, FilePath, BlobHold) async throws -> Void
  ) async throws {
    try await withScratch { folder in
      let file = folder.appending("weights.gguf")
      try write(content, to: file)
      let store = try await ModelStore.open(
        at: folder.appending("store"), logger: quietLogger, freeSpace: { _ in freeSpace })
      try await body(store, file, try await store.hold([]))
    }
  }

  private func isSameFile(_ first: FilePath, _ second: FilePath) throws -> Bool {
    try first.stat().inode == second.stat().inode
  }

  private func blob(_ store: ModelStore, _ adoption: Adoption) -> FilePath { store.layout.blob(adoption.digest) }

  @Test func aFileThatMayBeLinkedIsNotCopied() async throws {
    try await withFile { store, file, hold in
      let mode = try file.stat().permissions
      let adoption = try await store.adopt(file, mayLink: true, hold: hold)
      #expect(adoption.digest == Digest(of: Self.content) && adoption.size == Int64(Self.content.count))
      #expect([.cloned, .linked].contains(adoption.method))
      let blob = blob(store, adoption)
      #expect(try contents(blob) == Self.content)
      if adoption.method == .linked {
        #expect(try isSameFile(blob, file))
        #expect(try file.stat().permissions == mode)
      }
      // What the other program does with its name is none of the store's business.
      try FileManager.default.removeItem(atPath: file.string)
      #expect(try contents(blob) == Self.content)
      #expect(try names(in: blob.removingLastComponent()) == [adoption.digest.hex])
    }
  }

  @Test func aFileThatMayNotBeLinkedStaysApart() async throws {
    try await withFile { store, file, hold in
      let adoption = try await store.adopt(file, mayLink: false, hold: hold)
      #expect([.cloned, .copied].contains(adoption.method))
      let blob = blob(store, adoption)
      #expect(try !isSameFile(blob, file))
      try write([9], to: file)
      #expect(try contents(blob) == Self.content)
      #expect(try blob.stat().permissions == [.ownerRead, .groupRead, .otherRead])
    }
  }

  @Test func symbolicLinksAreFollowed() async throws {
    try await withFile { store, file, hold in
      let link = file.removingLastComponent().appending("link.gguf")
      try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: "weights.gguf")
      let adoption = try await store.adopt(link, mayLink: true, hold: hold)
      #expect(try blob(store, adoption).stat(followTargetSymlink: false).type == .regular)
      #expect(try contents(blob(store, adoption)) == Self.content)
    }
  }

  @Test func whatIsThereIsNotReadAgain() async throws {
    try await withFile { store, file, hold in
      let first = try await store.adopt(file, mayLink: true, hold: hold)
      for expected in [first.digest, nil] {
        let second = try await store.adopt(file, expecting: expected, mayLink: false, hold: hold)
        #expect(second.digest == first.digest && second.size == first.size && second.method == .present)
      }
      #expect(try names(in: blob(store, first).removingLastComponent()) == [first.digest.hex])
    }
  }

  @Test(arguments: [true, false])
  func damageIsNoticedAndNothingIsLeft(mayLink: Bool) async throws {
    try await withFile { store, file, hold in
      let error = await #expect(throws: StoreError.self) {
        try await store.adopt(file, expecting: Digest(ofText: "other"), mayLink: mayLink, hold: hold)
      }
      #expect(error?.code == .digestMismatch && error?.message.contains("weights.gguf is damaged") == true)
      let left = try names(in: store.layout.blob(Digest(ofText: "x")).removingLastComponent())
      #expect(left == [])
      #expect(try contents(file) == Self.content)
    }
  }

  @Test func unsuitableFilesAreRefused() async throws {
    try await withFile([]) { store, file, hold in
      let folder = file.removingLastComponent()
      for (path, text) in [
        (file, "is empty"), (folder, "is not a regular file"), (folder.appending("none"), "does not exist"),
      ] {
        let error = await #expect(throws: StoreError.self) { try await store.adopt(path, mayLink: true, hold: hold) }
        #expect(error?.code == .invalidFile && error?.message.hasSuffix(text) == true)
      }
    }
  }

  @Test func aCopyNeedsRoom() async throws {
    try await withFile(freeSpace: 100) { store, file, hold in
      do {
        let adoption = try await store.adopt(file, mayLink: false, hold: hold)
        // A clone takes no room.
        #expect(adoption.method == .cloned)
      } catch let error as StoreError {
        #expect(error.code == .noSpace)
      }
    }
  }
}
