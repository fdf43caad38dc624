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

/// What crashes, other programs and full disks leave of a blob that came in chunks.
@Suite struct ChunkCrashTests {
  @Test func aChunkThatWasNotFlushedIsLookedAtFirst() async throws {
    try await withStore { store in
      try await ChunkScene.leaveSome(store)
      // As if the machine had gone down: the records say nothing of a flush, and a chunk's bytes never reached the disk.
      try ChunkScene.editRecords(store) { lines in lines.filter { !$0.hasPrefix("s ") } }
      try ChunkScene.overwrite(store, at: 500_000, with: [UInt8](repeating: 0, count: 100_000))
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 200_000)
        try await ChunkScene.write(blob, 100_000..<200_000, 300_000..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test(arguments: ["w 4 12", "w 4 zz\n", "s 99\nw 1 0\n", "\u{0}\u{0}\n", "w 99 1\n", "x\n"])
  func aTornLineEndsTheRecords(_ torn: String) async throws {
    try await withStore { store in
      try await ChunkScene.leaveSome(store)
      let path = store.layout.chunkRecords(ChunkScene.blob.digest)
      try write(try contents(path) + bytes(torn), to: path)
      // The next session's lines must not be hidden by it.
      await #expect(throws: ChunkScene.Broken.self) {
        try await ChunkScene.ingest(store) { blob in
          #expect(blob.received == 300_000)
          try await ChunkScene.write(blob, 100_000..<200_000)
          throw ChunkScene.Broken()
        }
      }
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 400_000)
        try await ChunkScene.write(blob, 300_000..<500_000, 600_000..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test(arguments: [true, false])
  func recordsOrBytesAloneAreWorthNothing(_ keepsRecords: Bool) async throws {
    try await withStore { store in
      try await ChunkScene.leaveSome(store)
      let (records, data) = (
        store.layout.chunkRecords(ChunkScene.blob.digest), store.layout.chunks(ChunkScene.blob.digest)
      )
      try Folder.remove(keepsRecords ? data : records)
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 0)
        try await ChunkScene.write(blob, 0..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func aChunkThatChangedIsMissingAgain() async throws {
    try await withStore { store in
      try await ChunkScene.leaveSome(store)
      try ChunkScene.overwrite(store, at: 210_000, with: [1, 2, 3])
      try await ChunkScene.ingest(store) { blob in
        try await ChunkScene.write(blob, 100_000..<200_000, 300_000..<730_000)
        #expect(try await blob.verdict() == .incomplete)
        #expect(blob.missing == [200_000..<300_000])
        try await ChunkScene.write(blob, 200_000..<300_000)
        #expect(try await blob.verdict() == .isWhole)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func takesOverAPrefixThatSomebodyLeft() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      try write(Array(ChunkScene.content[..<250_000]), to: store.layout.partial(ChunkScene.blob.digest))
      await #expect(throws: ChunkScene.Broken.self) {
        try await ChunkScene.ingest(store) { blob in
          #expect(blob.received == 250_000 && blob.missing.first == 250_000..<300_000)
          throw ChunkScene.Broken()
        }
      }
      let later = try await ChunkScene.reopen(root)
      try await ChunkScene.ingest(later) { blob in
        #expect(blob.received == 250_000)
        try await ChunkScene.write(blob, 250_000..<730_000)
      }
      try ChunkScene.expectDone(later)
    }
  }

  @Test func aPrefixThatIsTooLongIsNoPrefix() async throws {
    try await withStore { store in
      try write(ChunkScene.content + [1], to: store.layout.partial(ChunkScene.blob.digest))
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 0)
        try await ChunkScene.write(blob, 0..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  @Test func aDiskThatFillsUpKeepsWhatItTook() async throws {
    try await withStore { store in
      try await fillUpDisk(store)
      try await ChunkScene.ingest(store) { blob in
        #expect(blob.received == 300_000)
        try await ChunkScene.write(blob, 300_000..<730_000)
      }
      try ChunkScene.expectDone(store)
    }
  }

  /// Receives what goes onto a disk that is full after three chunks and a half.
  private func fillUpDisk(_ store: ModelStore) async throws {
    let layout = ChunkLayout(size: ChunkScene.blob.size, chunkSize: Int64(ChunkScene.chunk))
    let files = try ChunkFiles(ChunkScene.blob.digest, layout, in: store.layout)
    defer { files.close() }
    let full = try ChunkedBlob(
      digest: ChunkScene.blob.digest, files: files,
      write: { file, offset, bytes in
        let taken = offset >= 300_000 ? UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]) : bytes
        try file.writeAll(toAbsoluteOffset: offset, taken)
        if offset >= 300_000 { throw Errno.noSpace }
      })
    do {
      try await ChunkScene.write(full, 0..<100_000, 100_000..<300_000, 300_000..<730_000)
      Issue.record("a full disk took everything")
    } catch let error as StoreError {
      #expect(error.code == .noSpace && error.message.contains("free some space"))
    }
  }

  @Test func aFullDiskIsSaidUpFrontAndKeepsTheChunks() async throws {
    try await withScratch { root in
      try await ChunkScene.leaveSome(try await openStore(root))
      let store = try await ModelStore.open(
        at: root, logger: quietLogger, isExclusive: false, freeSpace: { _ in 400_000 })
      let code = await storeErrorCode { try await ChunkScene.ingest(store) { _ in Issue.record("there is no room") } }
      #expect(code == .noSpace)
      let roomy = try await ChunkScene.reopen(root)
      try await ChunkScene.ingest(roomy) { blob in
        #expect(blob.received == 300_000)
        try await ChunkScene.write(blob, 0..<730_000)
      }
      try ChunkScene.expectDone(roomy)
    }
  }

  @Test func aBlobThatCameInOneStreamMakesChunksNeedless() async throws {
    try await withStore { store in
      try await ChunkScene.leaveSome(store)
      try await store.writeBlob(ChunkScene.content, as: ChunkScene.blob)
      try ChunkScene.expectDone(store)
    }
  }

  @Test func givenUpChunksAreSweptAway() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      try await ChunkScene.leaveSome(store)
      store.sweepLeftovers(now: .now)
      #expect(try names(in: store.layout.blobs).count == 2)
      store.sweepLeftovers(now: .now.addingTimeInterval(ModelStore.partialLifetime + 60))
      #expect(try names(in: store.layout.blobs) == [])
    }
  }
}
