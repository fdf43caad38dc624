// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Memory for the bodies of long responses, in blocks that are used again: memory that is touched for the first time
/// costs more than copying into it.
final class BodyBlocks: Sendable {
  /// Bytes of a block.
  static let size = 2 * 1024 * 1024
  /// Its first byte's address is a multiple of this, as disks want it.
  static let alignment = 4096
  /// Blocks beyond are not used again.
  private static let most = 64
  /// How long after the last long response the memory is kept for the next.
  private static let patience = TimeAmount.seconds(1)

  private struct State {
    /// Given to readers. Those that nobody else refers to any more can be used again.
    var lent: [ByteBuffer] = []
    var bodies = 0
    /// Counts the bodies that have begun.
    var generation = 0
  }

  private let state = Mutex(State())

  /// A long body begins.
  func begin() {
    state.withLock { state in
      state.bodies += 1
      state.generation += 1
    }
  }

  /// A long body is over. When no other begins soon, the memory is the system's again.
  func end(on eventLoop: any EventLoop) {
    let generation = state.withLock { state -> Int? in
      state.bodies -= 1
      return state.bodies == 0 ? state.generation : nil
    }
    guard let generation else { return }
    eventLoop.scheduleTask(in: Self.patience) { [self] in
      let released = state.withLock { state -> [ByteBuffer] in
        guard state.generation == generation else { return [] }
        defer { state.lent = [] }
        return state.lent
      }
      // Freed here, outside of the lock.
      _ = released
    }
  }

  /// An empty block for the caller alone.
  func take() -> ByteBuffer {
    let known = state.withLock { state -> ByteBuffer? in
      for index in state.lent.indices
      where state.lent[index].modifyIfUniquelyOwned({ $0.clear() }) != nil {
        state.lent.swapAt(index, state.lent.count - 1)
        return state.lent.popLast()
      }
      return nil
    }
    var block = known ?? ByteBufferAllocator().buffer(capacity: Self.size + Self.alignment)
    let start = block.withVeryUnsafeMutableBytes { bytes -> Int in
      let address = UInt(bitPattern: bytes.baseAddress)
      return Int((UInt(Self.alignment) - address % UInt(Self.alignment)) % UInt(Self.alignment))
    }
    block.moveWriterIndex(to: start)
    block.moveReaderIndex(to: start)
    return block
  }

  /// Remembers a block that has been filled, for the time when its readers have let it go.
  func lend(_ block: ByteBuffer) {
    state.withLock { state in
      if state.lent.count < Self.most { state.lent.append(block) }
    }
  }
}
