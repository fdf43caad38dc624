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

/// Files outside of the store that become blobs.
@Suite struct LocalFileTests {
  private func local(_ path: FilePath, _ content: [UInt8]) throws -> LocalBlob {
    let stamp = PlatformFile.Stamp(try path.stat())
    return LocalBlob(
      path: path, digest: Digest(of: content), size: stamp.size, device: stamp.file.device, inode: stamp.file.inode,
      modified: Int64(stamp.seconds) * 1_000_000_000 + Int64(stamp.nanoseconds))
  }

  private func withFile(
    _ content: [UInt8], mode: Int = 0o644, _ body: (ModelStore, FilePath, LocalBlob) async throws -> Void
  ) async throws {
    try await withScratch { scratch in
      let store = try await openStore(scratch.appending("store"))
      let path = scratch.appending("weights.gguf")
      try write(content, to: path)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
      try await body(store, path, try local(path, content))
      // Nothing is left of what was tried.
      #expect(try names(in: store.layout.blobs).allSatisfy { $0.utf8.count == 64 || $0.hasSuffix(".incomplete") })
    }
  }

  @Test func aWritableFileIsNeverTheBlobItself() async throws {
    let content = [UInt8](repeating: 7, count: 3_000_000)
    try await withFile(content) { store, path, blob in
      let taking = try await store.take(blob, mayLink: false)
      // What the file system of this machine can do is not known here.
      #expect(taking == .cloned || taking == .copied)
      let stored = store.layout.blob(blob.digest)
      #expect(try contents(stored) == content)
      #expect(try stored.stat().inode != path.stat().inode)
      #expect(try stored.stat().permissions == .readableByAll && path.stat().permissions.contains(.ownerWrite))
      // A later write does not reach the store.
      try write(bytes("other"), to: path)
      #expect(try contents(stored) == content)
      #expect(try await store.take(blob, mayLink: false) == .alreadyPresent)
    }
  }

  @Test func aReadOnlyFileGetsASecondName() async throws {
    try await withFile(bytes("weights"), mode: 0o400) { store, path, blob in
      let taking = try await store.take(blob, mayLink: false)
      #expect(taking == .cloned || taking == .linked)
      // What was private stays so.
      #expect(try path.stat().permissions == .ownerRead)
      #expect(try contents(store.layout.blob(blob.digest)) == bytes("weights"))
    }
  }

  @Test func linkingTakesThePermissionToWrite() async throws {
    try await withFile(bytes("weights")) { store, path, blob in
      let link = path.removingLastComponent().appending("link")
      try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: path.string)
      let taking = try await store.take(try local(link, bytes("weights")), mayLink: true)
      #expect(taking == .cloned || taking == .linked)
      let stored = store.layout.blob(blob.digest)
      #expect(try stored.stat(followTargetSymlink: false).type == .regular)
      #expect(try stored.stat().permissions == .readableByAll)
      if taking == .linked {
        #expect(try stored.stat().inode == path.stat().inode)
        #expect(try path.stat().permissions == .readableByAll)
      }
    }
  }

  @Test(arguments: [false, true])
  func aFileThatChangedSinceIsRefused(mayLink: Bool) async throws {
    try await withFile(bytes("weights")) { store, path, blob in
      try write(bytes("WEIGHTS"), to: path)
      // The same inode and size; the time may be the same on a coarse clock, so it is set.
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path.string)
      #expect(await storeErrorCode { try await store.take(blob, mayLink: mayLink) } == .fileChanged)
      try FileManager.default.removeItem(atPath: path.string)
      #expect(await storeErrorCode { try await store.take(blob, mayLink: mayLink) } == .fileChanged)
      try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: false)
      #expect(await storeErrorCode { try await store.take(blob, mayLink: mayLink) } == .fileChanged)
      #expect(try await !store.contains(descriptor(bytes("weights"))))
    }
  }

  @Test func wrongBytesAreNotTakenWhenTheyAreCopied() async throws {
    try await withFile(bytes("weights")) { store, path, _ in
      let stamp = PlatformFile.Stamp(try path.stat())
      let lie = LocalBlob(
        path: path, digest: Digest(of: bytes("others!")), size: stamp.size, device: stamp.file.device,
        inode: stamp.file.inode, modified: Int64(stamp.seconds) * 1_000_000_000 + Int64(stamp.nanoseconds))
      let canClone = (try? FileDescriptor.open(path, .readOnly)).map { file in
        defer { try? file.close() }
        return (try? PlatformFile.clone(file, to: path.removingLastComponent().appending("clone"))) != nil
      }
      guard canClone == false else { return }
      #expect(await storeErrorCode { try await store.take(lie, mayLink: false) } == .digestMismatch)
      #expect(try await !store.contains(descriptor(bytes("others!"))))
    }
  }
}
