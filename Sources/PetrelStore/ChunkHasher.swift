// SPDX-License-Identifier: Apache-2.0

import Crypto
import PetrelOCI

/// Computes the SHA-256 of a ``ChunkedBlob`` while its chunks come: follows behind the first that is missing, takes
/// blocks that are still in memory and reads the others. On a thread of its own.
actor ChunkHasher {
  private nonisolated let executor = DiskExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private var hash = SHA256()
  /// The first chunk that is not in the hash.
  private var next = 0

  /// Hashes on as far as chunks are there. Returns the digest when that is the whole blob, else nil.
  ///
  /// A chunk of an earlier session that has changed on the disk is dropped from the blob, and ends the hash before it.
  /// Throws ``StoreError`` (`io`) or `CancellationError`.
  func advance(_ blob: ChunkedBlob) throws -> PetrelOCI.Digest? {
    while next < blob.layout.count, let slot = blob.presentSlot(next) {
      try Task.checkCancellation()
      var hash = hash
      var checksum = ChunkChecksum()
      try read(blob, blob.layout.range(of: next), mayBeKept: true) { bytes in
        hash.update(bufferPointer: bytes)
        if !slot.isChecked { checksum.update(bytes) }
      }
      if !slot.isChecked, try !blob.confirm(next, checksum: checksum.value) { return nil }
      self.hash = hash
      next += 1
    }
    return next == blob.layout.count ? PetrelOCI.Digest(hash.finalize()) : nil
  }

  /// Begins from the blob's start, because what is hashed may have changed.
  func restart() {
    hash = SHA256()
    next = 0
  }

  /// The checksum of the chunk's bytes as they are on the disk.
  func checksum(_ blob: ChunkedBlob, _ chunk: Int) throws -> UInt64 {
    var checksum = ChunkChecksum()
    try read(blob, blob.layout.range(of: chunk), mayBeKept: false) { checksum.update($0) }
    return checksum.value
  }

  /// - Parameter mayBeKept: takes what is still in memory in place of what the disk has.
  private func read(
    _ blob: ChunkedBlob, _ range: Range<Int64>, mayBeKept: Bool, _ use: (UnsafeRawBufferPointer) -> Void
  ) throws {
    var spare: Block?
    var offset = range.lowerBound
    while offset < range.upperBound {
      let length = Int(min(range.upperBound - offset, Int64(Block.size)))
      if mayBeKept, let kept = blob.takeKept(at: offset) {
        kept.withBytes(use)
        offset += Int64(length)
        continue
      }
      let block = try spare ?? blob.block()
      spare = block
      let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<length])
      let count = try blob.read(into: part, at: offset)
      use(UnsafeRawBufferPointer(rebasing: part[..<count]))
      // A file that was cut off is the same as one with other bytes.
      if count < length { return }
      offset += Int64(length)
    }
  }
}
