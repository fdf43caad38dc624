// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// System calls that SystemPackage does not wrap. All that differs between platforms is here.
enum PlatformFile {
  /// Waits until the file's bytes, or a folder's entries, are on the disk.
  static func sync(_ file: FileDescriptor) throws(Errno) {
    try check { fsync(file.rawValue) }
  }

  /// Like ``sync(_:)``, without what is only of interest to people, such as the time of the last change.
  static func syncData(_ file: FileDescriptor) throws(Errno) {
    #if canImport(Darwin)
      try sync(file)
    #else
      try check { fdatasync(file.rawValue) }
    #endif
  }

  /// Asks the system to start writing the bytes of `range` out, so that a later ``sync(_:)`` has little to do.
  static func startWriteback(_ file: FileDescriptor, range: Range<Int64>) {
    #if !canImport(Darwin)
      // Linux begins to write dirty pages out when told that they are not needed, and keeps them while it does.
      // Advice: a failure is of no interest.
      _ = posix_fadvise(
        file.rawValue, off_t(range.lowerBound), off_t(range.upperBound - range.lowerBound), POSIX_FADV_DONTNEED)
    #endif
  }

  static func rename(_ source: FilePath, to target: FilePath) throws(Errno) {
    try DiskWatch.willChange(.rename, source, to: target)
    try check {
      source.withPlatformString { source in target.withPlatformString { cRename(source, $0) } }
    }
  }

  static func hardLink(_ source: FilePath, to target: FilePath) throws(Errno) {
    try DiskWatch.willChange(.link, source, to: target)
    try check {
      source.withPlatformString { source in target.withPlatformString { link(source, $0) } }
    }
  }

  /// Removes a file. One that does not exist is no error.
  static func unlink(_ path: FilePath) throws(Errno) {
    try DiskWatch.willChange(.remove, path)
    do {
      try check { path.withPlatformString { cUnlink($0) } }
    } catch .noSuchFileOrDirectory {}
  }

  static func makeFolder(_ path: FilePath) throws(Errno) {
    try DiskWatch.willChange(.makeFolder, path)
    try check { path.withPlatformString { mkdir($0, 0o777) } }
  }

  /// Removes an empty folder.
  static func removeFolder(_ path: FilePath) throws(Errno) {
    try DiskWatch.willChange(.removeFolder, path)
    try check { path.withPlatformString { rmdir($0) } }
  }

  static func setPermissions(_ path: FilePath, _ permissions: FilePermissions) throws(Errno) {
    try DiskWatch.willChange(.setPermissions, path)
    try check { path.withPlatformString { chmod($0, permissions.rawValue) } }
  }

  /// Takes the exclusive advisory lock of an open file. Returns false when somebody else has it and `waiting` is false.
  static func lock(_ file: FileDescriptor, waiting: Bool) throws(Errno) -> Bool {
    do {
      try check { flock(file.rawValue, LOCK_EX | (waiting ? 0 : LOCK_NB)) }
      return true
    } catch .wouldBlock {
      return false
    }
  }

  /// Closes a file and lets its lock go at once, though a child process that is just being started may have a copy of the
  /// descriptor for a moment.
  static func closeUnlocked(_ file: FileDescriptor) {
    _ = flock(file.rawValue, LOCK_UN)
    try? file.close()
  }

  /// Bytes that an ordinary user may still write to the file system of `path`.
  static func freeSpace(at path: FilePath) throws(Errno) -> Int64 {
    var status = statvfs()
    guard path.withPlatformString({ statvfs($0, &status) }) == 0 else { throw Errno(rawValue: errno) }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? .max : Int64(clamping: bytes)
  }

  /// Bytes that the file takes on the disk; its holes do not count.
  static func allocatedSize(_ path: FilePath) throws -> Int64 { Int64(try path.stat().rawValue.st_blocks) * 512 }

  /// Which file this is, whatever its names.
  struct FileID: Hashable {
    let device: UInt64
    let inode: UInt64

    init(_ status: Stat) {
      device = UInt64(truncatingIfNeeded: status.rawValue.st_dev)
      inode = UInt64(status.rawValue.st_ino)
    }
  }

  /// Tells one state of a file from another.
  struct Stamp: Hashable {
    let file: FileID
    let size: Int64
    /// Of the last change of its contents, since 1970.
    let seconds: Int
    let nanoseconds: Int

    init(_ status: Stat) {
      file = FileID(status)
      size = status.size
      seconds = Int(status.st_mtim.tv_sec)
      nanoseconds = Int(status.st_mtim.tv_nsec)
    }
  }

  private static func check(_ call: () -> CInt) throws(Errno) {
    while call() != 0 {
      let error = Errno(rawValue: errno)
      guard error == .interrupted else { throw error }
    }
  }
}

// The static methods above hide the functions of the same name.
private func cRename(_ source: UnsafePointer<CChar>, _ target: UnsafePointer<CChar>) -> CInt { rename(source, target) }
private func cUnlink(_ path: UnsafePointer<CChar>) -> CInt { unlink(path) }
