// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelStore

/// Chunks that are made of whole blocks, which go past the system's cache where that can be done.
@Suite struct ChunkBlockTests {
  private struct Broken: Error {}

  private static let chunk = 2 * Block.size
  /// Ends in the middle of a block and of a page.
  private static let content = (0..<(5 * Block.size + 12_345)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  private static let blob = descriptor(content)

  private func ingest(_ store: ModelStore, _ body: (ChunkedBlob) async throws -> Void) async throws {
    _ = try await store.withChunkedIngest(
      of: Self.blob.digest, size: Self.blob.size, chunkSize: Int64(Self.chunk), body)
  }

  private func write(_ blob: ChunkedBlob, _ range: Range<Int>) async throws {
    try await blob.write([Array(Self.content[range])], at: Int64(range.lowerBound))
  }

  /// Ranges of odd lengths that cover the content, in an order that is the same in every run.
  private func pieces(seed: UInt64) -> [Range<Int>] {
    var random = SeededGenerator(seed: seed)
    var pieces: [Range<Int>] = []
    var start = 0
    while start < Self.content.count {
      let end = min(Self.content.count, start + Int.random(in: 1...700_000, using: &random))
      pieces.append(start..<end)
      start = end
    }
    return pieces.shuffled(using: &random)
  }

  /// Receives all of the blob in files of its own. Returns what the store then has of it.
  private func receive(
    _ store: ModelStore, pool: BlockPool = BlockPool(), write: @escaping ChunkedBlob.Write
  ) async throws -> [UInt8] {
    let layout = ChunkLayout(size: Self.blob.size, chunkSize: Int64(Self.chunk))
    let files = try ChunkFiles(Self.blob.digest, layout, in: store.layout)
    defer { files.close() }
    let blob = try ChunkedBlob(digest: Self.blob.digest, files: files, pool: pool, write: write)
    for piece in pieces(seed: 7) { try await self.write(blob, piece) }
    #expect(blob.missing.isEmpty)
    #expect(try await blob.verdict() == .isWhole)
    return try contents(store.layout.chunks(Self.blob.digest))
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func takesBytesInAnyOrder(seed: UInt64) async throws {
    try await withStore { store in
      try await ingest(store) { blob in
        for piece in pieces(seed: seed) { try await write(blob, piece) }
        // What is there already is left alone.
        try await blob.write([[UInt8](repeating: 0, count: 100_000)], at: 1_000_000)
      }
      #expect(try contents(store.layout.blob(Self.blob.digest)) == Self.content)
      #expect(try names(in: store.layout.blobs) == [Self.blob.digest.hex])
    }
  }

  @Test func aChunkIsRecordedWhenItIsInTheFile() async throws {
    try await withScratch { root in
      let store = try await openStore(root)
      await #expect(throws: Broken.self) {
        try await ingest(store) { blob in
          try await write(blob, Self.chunk..<2 * Self.chunk)
          // Of this only whole blocks reach the file, and they are no whole chunk.
          try await write(blob, 10..<Self.chunk - 10)
          #expect(blob.received == Int64(2 * Self.chunk - 20))
          let file = try contents(store.layout.chunks(Self.blob.digest))
          #expect(Array(file[Self.chunk...].prefix(Self.chunk)) == Array(Self.content[Self.chunk..<2 * Self.chunk]))
          throw Broken()
        }
      }
      let later = try await ChunkScene.reopen(root)
      try await ingest(later) { blob in
        #expect(blob.received == Int64(Self.chunk))
        try await write(blob, 0..<Self.chunk)
        try await write(blob, 2 * Self.chunk..<Self.content.count)
      }
      #expect(try contents(later.layout.blob(Self.blob.digest)) == Self.content)
    }
  }

  @Test func readsAgainWhatDidNotStayInMemory() async throws {
    try await withStore { store in
      let received = try await receive(store, pool: BlockPool(comfortable: -1)) {
        try $0.writeAll(toAbsoluteOffset: $1, $2)
      }
      #expect(received == Self.content)
    }
  }

  @Test func aDiskThatRefusesToGoPastTheCacheIsWrittenThroughIt() async throws {
    try await withStore { store in
      let refused = Counter()
      let received = try await receive(store) { file, offset, bytes in
        // The first block that comes is refused, as a disk does whose pages are larger.
        if refused.value == 0, bytes.count == Block.size {
          refused.increment()
          throw Errno.invalidArgument
        }
        try file.writeAll(toAbsoluteOffset: offset, bytes)
      }
      #expect(refused.value == 1 && received == Self.content)
    }
  }

  @Test func aFullDiskRecordsNoChunk() async throws {
    try await withStore { store in
      let full = Int64(3 * Block.size)
      let error = await #expect(throws: StoreError.self) {
        try await receive(store) { file, offset, bytes in
          if offset >= full { throw Errno.noSpace }
          try file.writeAll(toAbsoluteOffset: offset, bytes)
        }
      }
      #expect(error?.code == .noSpace)
      try await ingest(store) { blob in
        #expect(blob.missing.contains { $0.contains(full) })
        for piece in pieces(seed: 4) { try await write(blob, piece) }
      }
      #expect(try contents(store.layout.blob(Self.blob.digest)) == Self.content)
    }
  }

  /// Bytes at an address that disks take, as blocks of a download are.
  private final class AlignedBytes: Collection, Sendable {
    let startIndex = 0
    let endIndex: Int
    private let address: UInt

    init(_ bytes: ArraySlice<UInt8>) {
      endIndex = bytes.count
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Swift.max(1, bytes.count), alignment: PlatformFile.uncachedAlignment)
      memory.copyBytes(from: bytes)
      address = UInt(bitPattern: memory.baseAddress)
    }

    deinit { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }

    private var memory: UnsafeBufferPointer<UInt8> {
      UnsafeBufferPointer(start: UnsafePointer(bitPattern: address), count: endIndex)
    }

    subscript(index: Int) -> UInt8 { memory[index] }
    func index(after index: Int) -> Int { index + 1 }
    func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
      try body(memory)
    }
  }

  @Test(arguments: [64, 1, -1])
  func blocksThatComeWholeAreNotCopied(comfortable: Int) async throws {
    try await withStore { store in
      let layout = ChunkLayout(size: Self.blob.size, chunkSize: Int64(Self.chunk))
      let files = try ChunkFiles(Self.blob.digest, layout, in: store.layout)
      defer { files.close() }
      let pool = BlockPool(comfortable: comfortable)
      let lent = Mutex<Set<UInt>>([])
      let copied = Counter()
      let write: ChunkedBlob.Write = { file, offset, bytes in
        if !lent.withLock({ $0.contains(UInt(bitPattern: bytes.baseAddress)) }) { copied.increment() }
        try file.writeAll(toAbsoluteOffset: offset, bytes)
      }
      let blob = try ChunkedBlob(digest: Self.blob.digest, files: files, pool: pool, write: write)
      // Two blocks at a time, the last piece with the blob's end in it.
      for start in stride(from: 0, to: Self.content.count, by: 2 * Block.size).reversed() {
        let piece = AlignedBytes(Self.content[start..<min(start + 2 * Block.size, Self.content.count)])
        piece.withContiguousStorageIfAvailable { bytes in
          let base = UInt(bitPattern: bytes.baseAddress)
          lent.withLock { $0.formUnion([base, base + UInt(Block.size)]) }
        }
        try await blob.write([piece], at: Int64(start))
      }
      #expect(copied.value == 0)
      #expect(blob.missing.isEmpty)
      #expect(try await blob.verdict() == .isWhole)
      #expect(try contents(store.layout.chunks(Self.blob.digest)) == Self.content)
    }
  }

  @Test func memoryIsUsedAgainAndGivenBack() throws {
    let pool = BlockPool(comfortable: 2)
    #expect(pool.hasRoom)
    var blocks = try (0..<3).map { _ in try pool.take() }
    #expect(!pool.hasRoom)
    let unit = PlatformFile.uncachedAlignment
    #expect(blocks.allSatisfy { Int(bitPattern: $0.bytes.baseAddress) % unit == 0 && $0.bytes.count == Block.size })
    let address = blocks[2].bytes.baseAddress
    blocks.removeLast()
    #expect(try pool.take().bytes.baseAddress == address)
    blocks = []
    #expect(pool.hasRoom)
  }
}
