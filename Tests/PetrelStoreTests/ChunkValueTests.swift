// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Testing

@testable import PetrelStore

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
