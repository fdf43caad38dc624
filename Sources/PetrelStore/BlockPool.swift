// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory for pieces of files that are written and read past the system's cache: aligned as disks want it, and used
/// again, since memory that is touched for the first time costs as much as copying into it.
final class BlockPool: Sendable {
  private struct State {
    var idle: [UInt] = []
    var used = 0
  }

  private let state = Mutex(State())
  /// Blocks that may wait in memory for somebody who needs their bytes again; see ``hasRoom``.
  private let comfortable: Int

  init(comfortable: Int = 32) { self.comfortable = comfortable }

  deinit {
    for address in state.withLock({ $0.idle }) { Self.release(address) }
  }

  /// Whether a block whose bytes are on the disk may be kept in memory all the same.
  var hasRoom: Bool { state.withLock { $0.used <= comfortable } }

  /// Counts memory of somebody else, of the size of a block, that is kept in the place of one. Nil when there is no room.
  func lease() -> BlockLease? {
    state.withLock { state in
      guard state.used < comfortable else { return nil }
      state.used += 1
      return BlockLease(pool: self)
    }
  }

  /// Throws `Errno` when the machine has no memory left.
  func take() throws(Errno) -> Block {
    let known = state.withLock { state in
      state.used += 1
      return state.idle.popLast()
    }
    if let known { return Block(address: known, pool: self) }
    let address = mmap(nil, Block.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | anonymous, -1, 0)
    guard let address, UInt(bitPattern: address) != .max else {
      let error = Errno(rawValue: errno)
      state.withLock { $0.used -= 1 }
      throw error
    }
    return Block(address: UInt(bitPattern: address), pool: self)
  }

  fileprivate func giveBack(_ address: UInt?) {
    let released = state.withLock { state -> [UInt] in
      state.used -= 1
      if let address { state.idle.append(address) }
      // Nobody is at work: the memory is the system's again.
      guard state.used == 0 || state.idle.count > comfortable else { return [] }
      defer { state.idle = [] }
      return state.idle
    }
    for address in released { Self.release(address) }
  }

  private static func release(_ address: UInt) {
    _ = munmap(UnsafeMutableRawPointer(bitPattern: address), Block.size)
  }
}

/// One piece of a pool's memory. It goes back to the pool with its last reference.
///
/// Its bytes are written by one owner at a time, and not any more once others may read them.
final class Block: Sendable {
  /// Bytes. Its place in a file is a multiple of this.
  static let size = 2 * 1024 * 1024

  private let address: UInt
  private let pool: BlockPool

  fileprivate init(address: UInt, pool: BlockPool) {
    self.address = address
    self.pool = pool
  }

  deinit { pool.giveBack(address) }

  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(bitPattern: address), count: Self.size)
  }
}

/// A place in a pool's count that other memory takes. Given back with the last reference.
final class BlockLease: Sendable {
  private let pool: BlockPool

  fileprivate init(pool: BlockPool) { self.pool = pool }

  deinit { pool.giveBack(nil) }
}

#if canImport(Darwin)
  private let anonymous = MAP_ANON
#else
  private let anonymous = MAP_ANONYMOUS
#endif
