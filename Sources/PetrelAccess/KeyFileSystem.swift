// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the file of keys needs of the operating system.
enum KeyFileSystem {
  /// Which content a path has: it changes whenever the file is replaced.
  struct Stamp: Equatable, Sendable {
    let inode: UInt64
    let size: Int64
    let seconds: Int64
    let nanoseconds: Int64
  }

  /// Held by the one who changes the file; the system lets it go when the process dies.
  struct Lock {
    private let file: FileDescriptor

    init(_ path: FilePath) throws(Errno) {
      do {
        file = try FileDescriptor.open(
          path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
      } catch {
        throw error as? Errno ?? .ioError
      }
      while flock(file.rawValue, LOCK_EX) != 0 {
        let reason = Errno(rawValue: errno)
        guard reason == .interrupted else {
          try? file.close()
          throw reason
        }
      }
    }

    func release() {
      _ = flock(file.rawValue, LOCK_UN)
      try? file.close()
    }
  }

  static func stamp(_ path: FilePath) -> Stamp? {
    var status = stat()
    guard stat(path.string, &status) == 0 else { return nil }
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    return Stamp(
      inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: Int64(time.tv_sec),
      nanoseconds: Int64(time.tv_nsec))
  }

  static func read(_ path: FilePath, limit: Int) throws(Errno) -> [UInt8] {
    do {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      return try file.closeAfter {
        var bytes: [UInt8] = []
        while bytes.count <= limit {
          let piece = try [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
          }
          if piece.isEmpty { return bytes }
          bytes += piece
        }
        throw Errno.fileTooLarge
      }
    } catch {
      throw error as? Errno ?? .ioError
    }
  }

  /// After a crash there is the old content or the new one. Nobody but the owner may read it at any time.
  static func replace(_ path: FilePath, with bytes: [UInt8]) throws(Errno) {
    let temporary = FilePath(path.string + ".new")
    do {
      // A leftover of a process that was killed. Whoever is here holds the lock.
      _ = unlink(temporary.string)
      let file = try FileDescriptor.open(
        temporary, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
      try file.closeAfter {
        _ = try file.writeAll(bytes)
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
      guard rename(temporary.string, path.string) == 0 else { throw Errno(rawValue: errno) }
      let folder = try FileDescriptor.open(path.removingLastComponent(), .readOnly, options: .closeOnExec)
      try folder.closeAfter {
        guard fsync(folder.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
    } catch {
      _ = unlink(temporary.string)
      throw error as? Errno ?? .ioError
    }
  }
}
