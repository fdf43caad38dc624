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

@Suite struct ChunkedBlobTests {
  private struct Broken: Error {}

  private static let chunk = 100_000
  private static let content = (0..<730_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  private static let blob = descriptor(content)

  private static func part(_ range: Range<Int>) -> [[UInt8]] { [Array(content[range])] }

  @discardableResult
  private func ingest(
    _ store: ModelStore, _ body: (ChunkedBlob) async throws -> Void
  ) async throws -> ModelStore.IngestOutcome {
    try await store.withChunkedIngest(
      of: Self.blob.digest, size: Self.blob.size, chunkSize: Int64(Self.chunk), body)
  }

  private func write(_ blob: ChunkedBlob, _ ranges: Range<Int>...) async throws {
    for range in ranges { try await blob.write(Self.part(range), at: Int64(range.lowerBound)) }
  }

  /// Leaves the chunks 0, 2 and 5 and half of chunk 3 behind.
  private func leaveSome(_ store: ModelStore) async throws {
    await #expect(throws: Broken.self) {
      try await ingest(store) { blob in
        try await write(blob, 0..<100_000, 500_000..<600_000, 200_000..<350_000)
        throw Broken()
      }
    }
  }

  private func expectDone(_ store: ModelStore) throws {
    #expect(try contents(store.layout.blob(Self.blob.digest)) == Self.content)
    #expect(try names(in: store.layout.blobs) == [Self.blob.digest.hex])
    let mode = try store.layout.blob(Self.blob.digest).stat().permissions
    #expect(mode == [.ownerRead, .groupRead, .otherRead])
  }

  @Test func takesBytesInAnyOrder() async throws {
    try await withStore { store in
      let outcome = try await ingest(store) { blob in
        #expect(blob.missing.count == 8 && blob.missing.last == 700_000..<730_000)
        try await write(blob, 650_000..<730_000, 90_000..<210_000, 50_000..<90_000)
        #expect(blob.missing.first == 0..<50_000 && blob.missing[1] == 210_000..<300_000)
        #expect(try await blob.verdict() == .incomplete)
        // Some of this is there already.
        try await write(blob, 0..<60_000, 205_000..<650_000)
        #expect(blob.received == Self.blob.size && blob.missing.isEmpty)
        #expect(try await blob.verdict() == .isWhole)
      }
      #expect(outcome == .written)
      try expectDone(store)
      let again = try await ingest(store) { _ in Issue.record("the blob is there") }
      #expect(again == .alreadyPresent)
    }
  }

  @Test func writersMayShareAChunk() async throws {
    try await withStore { store in
      try await ingest(store) { blob in
        try await withThrowingTaskGroup { group in
          for start in stride(from: 0, to: 730_000, by: 10_000).reversed() {
            group.addTask { try await blob.write(Self.part(start..<start + 10_000), at: Int64(start)) }
          }
          try await group.waitForAll()
        }
      }
      try expectDone(store)
    }
  }

  @Test func moreThanAnnouncedIsRefused() async throws {
    try await withStore { store in
      let code = await storeErrorCode {
        try await ingest(store) { try await $0.write([[1, 2]], at: Self.blob.size - 1) }
      }
      #expect(code == .tooLarge)
    }
  }

  @Test func goesOnWithWholeChunks() async throws {
    try await withScratch { root in
      try await leaveSome(try await openStore(root))
      let store = try await reopen(root)
      try await ingest(store) { blob in
        #expect(blob.received == 300_000)
        #expect(blob.missing.map { Int($0.lowerBound) } == [100_000, 300_000, 400_000, 600_000, 700_000])
        try await write(blob, 100_000..<200_000, 300_000..<500_000, 600_000..<730_000)
      }
      try expectDone(store)
    }
  }

  @Test func whatIsMissingAtTheEndIsSaid() async throws {
    try await withStore { store in
      let code = await storeErrorCode { try await ingest(store) { try await write($0, 0..<100_000) } }
      #expect(code == .incomplete)
      try await ingest(store) { try await write($0, 100_000..<730_000) }
      try expectDone(store)
    }
  }

  // MARK: What a crash may leave

  @Test func aChunkThatWasNotFlushedIsLookedAtFirst() async throws {
    try await withStore { store in
      try await leaveSome(store)
      // As if the machine had gone down: the records say nothing of a flush, and a chunk's bytes never reached the disk.
      try editRecords(store) { lines in lines.filter { !$0.hasPrefix("s ") } }
      try overwrite(store, at: 500_000, with: [UInt8](repeating: 0, count: 100_000))
      try await ingest(store) { blob in
        #expect(blob.received == 200_000)
        try await write(blob, 100_000..<200_000, 300_000..<730_000)
      }
      try expectDone(store)
    }
  }

  @Test(arguments: ["w 4 12", "w 4 zz\n", "s 99\nw 1 0\n", "\u{0}\u{0}\n", "w 99 1\n", "x\n"])
  func aTornLineEndsTheRecords(_ torn: String) async throws {
    try await withStore { store in
      try await leaveSome(store)
      let path = store.layout.chunkRecords(Self.blob.digest)
      try PetrelStoreTests.write(try contents(path) + bytes(torn), to: path)
      // The next session's lines must not be hidden by it.
      await #expect(throws: Broken.self) {
        try await ingest(store) { blob in
          #expect(blob.received == 300_000)
          try await write(blob, 100_000..<200_000)
          throw Broken()
        }
      }
      try await ingest(store) { blob in
        #expect(blob.received == 400_000)
        try await write(blob, 300_000..<500_000, 600_000..<730_000)
      }
      try expectDone(store)
    }
  }

  @Test(arguments: [true, false])
  func recordsOrBytesAloneAreWorthNothing(_ keepsRecords: Bool) async throws {
    try await withStore { store in
      try await leaveSome(store)
      let (records, data) = (store.layout.chunkRecords(Self.blob.digest), store.layout.chunks(Self.blob.digest))
      try Folder.remove(keepsRecords ? data : records)
      try await ingest(store) { blob in
        #expect(blob.received == 0)
        try await write(blob, 0..<730_000)
      }
      try expectDone(store)
    }
  }

  @Test func aChunkThatChangedIsMissingAgain() async throws {
    try await withStore { store in
      try await leaveSome(store)
      try overwrite(store, at: 210_000, with: [1, 2, 3])
      try await ingest(store) { blob in
        try await write(blob, 100_000..<200_000, 300_000..<730_000)
        #expect(try await blob.verdict() == .incomplete)
        #expect(blob.missing == [200_000..<300_000])
        try await write(blob, 200_000..<300_000)
        #expect(try await blob.verdict() == .isWhole)
      }
      try expectDone(store)
    }
  }

  // MARK: Wrong bytes

  @Test func wrongChunksAreReplacedOneByOne() async throws {
    try await withStore { store in
      try await ingest(store) { blob in
        try await write(blob, 0..<300_000, 400_000..<730_000)
        try await blob.write([[UInt8](repeating: 7, count: 100_000)], at: 300_000)
        let verdict = try await blob.verdict()
        #expect(verdict != .isWhole && verdict != .incomplete)
        // The disk is innocent.
        let changed = try await blob.dropChanged()
        #expect(changed.isEmpty)
        let replacesSame = try await blob.replace(2, with: Array(Self.content[200_000..<300_000]))
        let replacesOther = try await blob.replace(3, with: Array(Self.content[300_000..<400_000]))
        #expect(!replacesSame && replacesOther)
        #expect(try await blob.verdict() == .isWhole)
      }
      try expectDone(store)
    }
  }

  @Test func bytesThatChangeOnTheDiskAreFound() async throws {
    try await withStore { store in
      try await ingest(store) { blob in
        try await write(blob, 0..<730_000)
        #expect(try await blob.verdict() == .isWhole)
        try overwrite(store, at: 450_000, with: [0, 0, 0, 1])
        let changed = try await blob.dropChanged()
        #expect(changed == [4])
        #expect(blob.missing == [400_000..<500_000])
        try await write(blob, 400_000..<500_000)
      }
      try expectDone(store)
    }
  }

  @Test func bytesThatStayWrongNeverGetTheName() async throws {
    try await withStore { store in
      let differs = await storeErrorCode {
        try await ingest(store) { blob in
          try await blob.write([[UInt8](repeating: 7, count: 730_000)], at: 0)
        }
      }
      #expect(differs == .incomplete)
      let given = await storeErrorCode { try await ingest(store) { _ in throw StoreError(.digestMismatch, "wrong") } }
      #expect(given == .digestMismatch)
      let left = try names(in: store.layout.blobs)
      #expect(left.isEmpty)
    }
  }

  // MARK: Others

  @Test func takesOverAPrefixThatSomebodyLeft() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      try PetrelStoreTests.write(Array(Self.content[..<250_000]), to: store.layout.partial(Self.blob.digest))
      await #expect(throws: Broken.self) {
        try await ingest(store) { blob in
          #expect(blob.received == 250_000 && blob.missing.first == 250_000..<300_000)
          throw Broken()
        }
      }
      let later = try await reopen(root)
      try await ingest(later) { blob in
        #expect(blob.received == 250_000)
        try await write(blob, 250_000..<730_000)
      }
      try expectDone(later)
    }
  }

  @Test func aPrefixThatIsTooLongIsNoPrefix() async throws {
    try await withStore { store in
      try PetrelStoreTests.write(Self.content + [1], to: store.layout.partial(Self.blob.digest))
      try await ingest(store) { blob in
        #expect(blob.received == 0)
        try await write(blob, 0..<730_000)
      }
      try expectDone(store)
    }
  }

  @Test func anotherProcessAtWorkIsReported() async throws {
    try await withScratch { root in
      let ours = try await openStore(root)
      let theirs = try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
      try await ingest(ours) { blob in
        let code = await storeErrorCode { try await ingest(theirs) { _ in } }
        #expect(code == .busy)
        try await write(blob, 0..<730_000)
      }
      try expectDone(ours)
    }
  }

  @Test func aDiskThatFillsUpKeepsWhatItTook() async throws {
    try await withStore { store in
      try await fillUpDisk(store)
      try await ingest(store) { blob in
        #expect(blob.received == 300_000)
        try await write(blob, 300_000..<730_000)
      }
      try expectDone(store)
    }
  }

  /// Receives what goes onto a disk that is full after three chunks and a half.
  private func fillUpDisk(_ store: ModelStore) async throws {
    let layout = ChunkLayout(size: Self.blob.size, chunkSize: Int64(Self.chunk))
    let files = try ChunkFiles(Self.blob.digest, layout, in: store.layout)
    defer { files.close() }
    let full = try ChunkedBlob(digest: Self.blob.digest, files: files, write: { file, offset, bytes in
      let taken = offset >= 300_000 ? UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]) : bytes
      try file.writeAll(toAbsoluteOffset: offset, taken)
      if offset >= 300_000 { throw Errno.noSpace }
    })
    do {
      try await write(full, 0..<100_000, 100_000..<300_000, 300_000..<730_000)
      Issue.record("a full disk took everything")
    } catch let error as StoreError {
      #expect(error.code == .noSpace && error.message.contains("free some space"))
    }
  }

  @Test func aFullDiskIsSaidUpFrontAndKeepsTheChunks() async throws {
    try await withScratch { root in
      try await leaveSome(try await openStore(root))
      let store = try await ModelStore.open(
        at: root, logger: quietLogger, isExclusive: false, freeSpace: { _ in 400_000 })
      let code = await storeErrorCode { try await ingest(store) { _ in Issue.record("there is no room") } }
      #expect(code == .noSpace)
      let roomy = try await reopen(root)
      try await ingest(roomy) { blob in
        #expect(blob.received == 300_000)
        try await write(blob, 0..<730_000)
      }
      try expectDone(roomy)
    }
  }

  @Test func aBlobThatCameInOneStreamMakesChunksNeedless() async throws {
    try await withStore { store in
      try await leaveSome(store)
      try await store.writeBlob(Self.content, as: Self.blob)
      try expectDone(store)
    }
  }

  @Test func givenUpChunksAreSweptAway() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      try await leaveSome(store)
      store.sweepLeftovers(now: .now)
      #expect(try names(in: store.layout.blobs).count == 2)
      store.sweepLeftovers(now: .now.addingTimeInterval(ModelStore.partialLifetime + 60))
      #expect(try names(in: store.layout.blobs) == [])
    }
  }

  /// The same folder, as another session sees it. The first may not have been let go yet.
  private func reopen(_ root: FilePath) async throws -> ModelStore {
    try await ModelStore.open(at: root, logger: quietLogger, isExclusive: false)
  }

  private func overwrite(_ store: ModelStore, at offset: Int64, with bytes: [UInt8]) throws {
    let file = try FileDescriptor.open(store.layout.chunks(Self.blob.digest), .readWrite)
    _ = try file.writeAll(toAbsoluteOffset: offset, bytes)
    try file.close()
  }

  private func editRecords(_ store: ModelStore, _ edit: ([Substring]) -> [Substring]) throws {
    let path = store.layout.chunkRecords(Self.blob.digest)
    let lines = String(decoding: try contents(path), as: UTF8.self).split(separator: "\n")
    try PetrelStoreTests.write(bytes(edit(lines).map { $0 + "\n" }.joined()), to: path)
  }
}

@Suite struct ChunkValueTests {
  /// Values that other implementations of XXH64 give.
  @Test(
    arguments: [
      ("", 0xef46_db37_51d8_e999), ("a", 0xd24e_c4f1_a98c_6e5b), ("abc", 0x44bc_2cf5_ad77_0999),
      ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
    ] as [(String, UInt64)])
  func checksumIsXXH64(_ text: String, _ expected: UInt64) {
    let value = Array(text.utf8).withUnsafeBytes { ChunkChecksum(of: $0).value }
    #expect(value == expected)
  }

  @Test func checksumDoesNotDependOnThePieces() {
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 5) }
    let whole = bytes.withUnsafeBytes { ChunkChecksum(of: $0).value }
    for step in [1, 7, 31, 32, 33, 64, 1000] {
      var pieces = ChunkChecksum()
      for start in stride(from: 0, to: bytes.count, by: step) {
        bytes[start..<min(start + step, bytes.count)].withUnsafeBytes { pieces.update($0) }
      }
      #expect(pieces.value == whole, "pieces of \(step)")
    }
  }

  @Test func chunksCoverTheBlob() {
    for size in [0, 1, 99, 100, 101, 1000] as [Int64] {
      let layout = ChunkLayout(size: size, chunkSize: 100)
      let ranges = (0..<layout.count).map(layout.range)
      #expect(ranges.reduce(0) { $0 + Int64($1.count) } == size)
      #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      for offset in 0..<size { #expect(layout.range(of: layout.chunk(at: offset)).contains(offset)) }
    }
    let mebi: Int64 = 1024 * 1024
    #expect(ChunkLayout(size: 2048 * mebi).chunkSize == 8 * mebi)
    #expect(ChunkLayout(size: 12_000 * mebi).chunkSize == 16 * mebi)
    #expect(ChunkLayout(size: 1_000_000 * mebi).chunkSize == 32 * mebi)
  }

  @Test func recordsAreAboutOneBlob() {
    let digest = Digest(ofText: "x")
    let layout = ChunkLayout(size: 1000, chunkSize: 100)
    let text = Array((ChunkRecords.head(digest, layout) + "w 3 ff\nw 4 1\ns 1\nx 4\np 250\n").utf8)
    let records = ChunkRecords(parsing: text, digest: digest, size: 1000)
    #expect(records?.layout == layout && records?.length == text.count && records?.written == 2)
    #expect(records?.entries == [3: .init(checksum: 255, line: 0)] && records?.dropped == [4])
    #expect(records?.isDurable(3) == true && records?.isDurable(4) == false && records?.adopted == 250)
    #expect(ChunkRecords(parsing: text, digest: digest, size: 1001) == nil)
    #expect(ChunkRecords(parsing: text, digest: Digest(ofText: "y"), size: 1000) == nil)
    #expect(ChunkRecords(parsing: [], digest: digest, size: 1000) == nil)
  }
}
