// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

/// An open file whose pieces are read and written past the system's cache where that can be done, else through it. The
/// two ways may be mixed, as long as a page is not written in both at a time.
final class PieceFile: Sendable {
  /// Through the cache.
  let file: FileDescriptor
  private let uncached: FileDescriptor?
  private let mayUseUncached: Mutex<Bool>

  /// Takes `file`, which is open for reading and writing, over.
  init(_ file: FileDescriptor, path: FilePath) throws {
    self.file = file
    uncached = try PlatformFile.openUncached(path)
    mayUseUncached = Mutex(uncached != nil)
  }

  /// To be called once, when nobody reads or writes any more. Lets the lock of the file go.
  func close() {
    try? uncached?.close()
    PlatformFile.closeUnlocked(file)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64, by write: ChunkedBlob.Write) throws {
    if let uncached = descriptor(for: bytes, offset) {
      do {
        return try write(uncached, offset, bytes)
      } catch Errno.invalidArgument {
        // This disk wants other alignments than disks do.
        mayUseUncached.withLock { $0 = false }
      }
    }
    try write(file, offset, bytes)
  }

  /// Returns the bytes read, fewer only at the file's end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    var count = 0
    while count < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
      let read = try readOnce(into: rest, at: offset + Int64(count))
      if read == 0 { break }
      count += read
    }
    return count
  }

  private func readOnce(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    if let uncached = descriptor(for: UnsafeRawBufferPointer(buffer), offset) {
      do {
        return try uncached.read(fromAbsoluteOffset: offset, into: buffer)
      } catch Errno.invalidArgument {
        mayUseUncached.withLock { $0 = false }
      }
    }
    return try file.read(fromAbsoluteOffset: offset, into: buffer)
  }

  private func descriptor(for bytes: UnsafeRawBufferPointer, _ offset: Int64) -> FileDescriptor? {
    let unit = PlatformFile.uncachedAlignment
    guard let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(unit) == 0, Int(offset) % unit == 0,
      bytes.count % unit == 0, mayUseUncached.withLock({ $0 })
    else { return nil }
    return uncached
  }
}
