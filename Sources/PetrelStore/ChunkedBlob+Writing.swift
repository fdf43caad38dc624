// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage

extension ChunkedBlob {
  /// Not to be called by two at a time.
  ///
  /// - Parameter lender: what `bytes` are all of, where they may be kept in memory without a copy.
  func writeNow(_ bytes: UnsafeRawBufferPointer, at offset: Int64, of lender: LentBytes? = nil) throws {
    try checkFailure()
    guard offset >= 0, Int64(bytes.count) <= layout.size - offset else {
      throw StoreError(.tooLarge, "\(digest) is longer than the \(layout.size) bytes that were announced")
    }
    var rest = bytes
    var position = offset
    while !rest.isEmpty {
      let chunk = layout.chunk(at: position)
      let room = Int(layout.range(of: chunk).upperBound - position)
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(room))
      let source = lender.map { LentPart(bytes: $0, start: Int(position - offset)) }
      try write(part, at: position, in: chunk, source)
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
      position += Int64(part.count)
    }
  }

  /// Where the bytes of a write come from.
  private struct LentPart {
    let bytes: LentBytes
    /// Of the part in them.
    let start: Int
  }

  /// What is there already is left alone.
  private func write(
    _ part: UnsafeRawBufferPointer, at offset: Int64, in chunk: Int, _ source: LentPart?
  ) throws {
    guard let filling = filling(of: chunk) else { return }
    let range = offset..<offset + Int64(part.count)
    for gap in filling.fill.withLock({ $0.gaps }).map({ $0.clamped(to: range) }) {
      var start = gap.lowerBound
      while start < gap.upperBound {
        let blockEnd = start - start % Int64(Block.size) + Int64(Block.size)
        let end = filling.usesBlocks ? min(gap.upperBound, blockEnd) : gap.upperBound
        let bytes = UnsafeRawBufferPointer(rebasing: part[Int(start - offset)..<Int(end - offset)])
        let place = source.map { LentPart(bytes: $0.bytes, start: $0.start + Int(start - offset)) }
        try insert(bytes, start..<end, chunk, filling, place)
        start = end
      }
    }
  }

  private func insert(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int64>, _ chunk: Int, _ filling: ChunkFilling, _ source: LentPart?
  ) throws {
    let left = layout.size - received
    try files.reportingErrno("write", note: " (\(left) more bytes are needed; what was received is kept)") {
      if filling.usesBlocks, let source, isWholeBlock(bytes, range) {
        try files.data.write(bytes, at: range.lowerBound, by: writeBytes)
        // It is hashed as soon as all before it is there. Else it has to be read again.
        if let lease = pool.lease() {
          let kept = KeptBlock.lent(source.bytes, source.start..<source.start + bytes.count, lease)
          state.withLock { $0.kept[range.lowerBound] = kept }
        }
      } else if filling.usesBlocks {
        try collect(bytes, range, filling)
      } else {
        try DiskWatch.willChange(.write, files.path)
        try writeBytes(files.data.file, range.lowerBound, bytes)
      }
    }
    let (isComplete, checksum) = filling.fill.withLock { fill in
      fill.insert(range, bytes: bytes)
      return (fill.isComplete, fill.finalChecksum)
    }
    state.withLock { $0.received += Int64(range.count) }
    if isComplete { try complete(chunk, checksum) }
  }

  /// Puts bytes into their block, and the block into the file when that makes it full.
  private func collect(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int64>, _ filling: ChunkFilling) throws {
    let start = range.lowerBound - range.lowerBound % Int64(Block.size)
    let place = start..<min(start + Int64(Block.size), layout.size)
    let block = try filling.blocks.withLock { $0[start] } ?? pool.take()
    let target = block.bytes[Int(range.lowerBound - start)..<Int(range.upperBound - start)]
    UnsafeMutableRawBufferPointer(rebasing: target).copyMemory(from: bytes)
    guard filling.fill.withLock({ $0.count(in: place) }) + range.count == place.count else {
      return filling.blocks.withLock { $0[start] = block }
    }
    try DiskWatch.willChange(.write, files.path)
    try files.data.write(UnsafeRawBufferPointer(rebasing: block.bytes[..<place.count]), at: start, by: writeBytes)
    filling.blocks.withLock { $0[start] = nil }
    if pool.hasRoom { state.withLock { $0.kept[start] = .own(block, count: place.count) } }
  }

  /// Whether the bytes can go to the file as they are.
  private func isWholeBlock(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int64>) -> Bool {
    let end = min(range.lowerBound + Int64(Block.size), layout.size)
    return range.lowerBound % Int64(Block.size) == 0 && range.upperBound == end
      && UInt(bitPattern: bytes.baseAddress) % UInt(PlatformFile.uncachedAlignment) == 0
  }

  /// Nil when all of the chunk is there.
  private func filling(of chunk: Int) -> ChunkFilling? {
    // Else a block could have bytes of two chunks, of which one is recorded before they are in the file.
    let usesBlocks = layout.chunkSize % Int64(Block.size) == 0
    return state.withLock { state in
      guard state.slots[chunk] == nil else { return nil }
      let filling = state.filling[chunk] ?? ChunkFilling(layout.range(of: chunk), usesBlocks: usesBlocks)
      state.filling[chunk] = filling
      return filling
    }
  }

  private func complete(_ chunk: Int, _ checksum: UInt64?) throws {
    let checksum = try checksum ?? readChecksum(chunk)
    try files.reportingErrno("write") { try files.journal.note(written: chunk, checksum: checksum) }
    state.withLock { state in
      state.slots[chunk] = Slot(checksum: checksum, isChecked: true)
      state.filling[chunk] = nil
    }
    completed.yield()
  }

  func readChecksum(_ chunk: Int) throws -> UInt64 {
    let range = layout.range(of: chunk)
    var checksum = ChunkChecksum()
    let block = try block()
    var offset = range.lowerBound
    while offset < range.upperBound {
      let length = Int(min(range.upperBound - offset, Int64(Block.size)))
      let part = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<length])
      guard try read(into: part, at: offset) == length else {
        throw StoreError(.io, "\(files.path) was cut off while it was written")
      }
      checksum.update(UnsafeRawBufferPointer(part))
      offset += Int64(length)
    }
    return checksum.value
  }

  func drop(_ chunk: Int) throws {
    try files.reportingErrno("write") { try files.journal.note(dropped: chunk) }
    state.withLock { state in
      guard state.slots[chunk] != nil else { return }
      state.slots[chunk] = nil
      state.kept = state.kept.filter { !layout.range(of: chunk).contains($0.key) }
      state.received -= Int64(layout.range(of: chunk).count)
    }
  }
}
