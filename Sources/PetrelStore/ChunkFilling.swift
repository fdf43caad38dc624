// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A chunk that is not complete yet: which bytes have come, and those of them that wait in memory for the rest of their
/// block. Blocks are written one writer at a time; the rest may be asked by anybody.
final class ChunkFilling: Sendable {
  let fill: Mutex<ChunkFill>
  /// Whether bytes are collected in blocks before they go to the file.
  let usesBlocks: Bool
  /// By the number of their first byte in the blob.
  let blocks = Mutex<[Int64: Block]>([:])

  init(_ range: Range<Int64>, usesBlocks: Bool) {
    fill = Mutex(ChunkFill(range))
    self.usesBlocks = usesBlocks
  }
}
