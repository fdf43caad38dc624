// SPDX-License-Identifier: Apache-2.0

/// The bytes of a block that are in the file and, for whoever hashes them next, still in memory: in a block of the pool,
/// or in the memory in which they came.
enum KeptBlock: Sendable {
  case own(Block, count: Int)
  case lent(LentBytes, Range<Int>, BlockLease)

  func withBytes(_ use: (UnsafeRawBufferPointer) -> Void) {
    switch self {
    case .own(let block, let count): use(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
    case .lent(let bytes, let range, _): bytes.read { use(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
  }
}

/// Bytes that follow each other in somebody else's memory, and stay there as long as this is kept.
struct LentBytes: Sendable {
  let read: @Sendable ((UnsafeRawBufferPointer) -> Void) -> Void

  init(_ piece: some Collection<UInt8> & Sendable) {
    read = { use in
      piece.withContiguousStorageIfAvailable { use(UnsafeRawBufferPointer($0)) }
    }
  }
}
