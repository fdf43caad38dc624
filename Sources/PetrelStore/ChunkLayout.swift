// SPDX-License-Identifier: Apache-2.0

/// How a large blob is cut into chunks: all of one size but the last. A chunk is what a checkpoint
/// counts, and the least that a request for untouched bytes brings.
package struct ChunkLayout: Hashable, Sendable {
  private static let smallest: Int64 = 8 * 1024 * 1024
  private static let largest: Int64 = 32 * 1024 * 1024

  /// Bytes of the blob.
  package let size: Int64
  /// Bytes of a chunk, at least 1.
  package let chunkSize: Int64

  /// - Parameter chunkSize: bytes; by default 8 MiB, and up to 32 MiB for blobs that would have more than 1,024 chunks.
  package init(size: Int64, chunkSize: Int64? = nil) {
    self.size = max(0, size)
    var chosen = Self.smallest
    while chosen < Self.largest, self.size / chosen > 1024 { chosen *= 2 }
    self.chunkSize = max(1, chunkSize ?? chosen)
  }

  package var count: Int { Int(size / chunkSize) + (size % chunkSize == 0 ? 0 : 1) }

  /// Where a chunk lies in the blob.
  package func range(of chunk: Int) -> Range<Int64> {
    let start = Int64(chunk) * chunkSize
    return start..<start + min(chunkSize, size - start)
  }

  /// The chunk that holds the byte at `offset`.
  package func chunk(at offset: Int64) -> Int { Int(offset / chunkSize) }
}
