// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// An exclusive advisory lock on a file, between processes as well as inside one. Let go with the last reference, and by
/// the system when the process dies.
package final class FileLock: Sendable {
  let file: FileDescriptor

  private init(file: FileDescriptor) { self.file = file }

  /// Waits for the lock. Blocks the thread.
  static func acquire(_ path: FilePath) throws -> FileLock {
    guard let lock = try attempt(path, waiting: true) else { throw StoreError(.busy, "\(path) is locked") }
    return lock
  }

  /// The lock, or nil when somebody else has it.
  package static func acquireIfFree(_ path: FilePath) throws -> FileLock? {
    try attempt(path, waiting: false)
  }

  private static func attempt(_ path: FilePath, waiting: Bool) throws -> FileLock? {
    do {
      let file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
      let lock = FileLock(file: file)
      guard try PlatformFile.lock(file, waiting: waiting) else { return nil }
      return lock
    } catch let error as Errno {
      throw StoreError(errno: error, "lock \(path)")
    }
  }

  deinit { PlatformFile.closeUnlocked(file) }
}
