// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The file that a process in the background prints to, kept from growing without bound: when it is full it becomes
/// `<name>.1`, which takes the place of the one before, and the process prints to a new one.
package final class OwnOutput: Sendable {
  private let path: FilePath
  private let limit: Int64
  private let descriptors: [FileDescriptor]
  /// Held while the file is replaced.
  private let turn = Mutex(())

  /// - Parameters:
  ///   - limit: bytes.
  ///   - descriptors: what is written to the file.
  package init(
    path: FilePath, limit: Int64 = 8 * 1024 * 1024,
    descriptors: [FileDescriptor] = [.standardOutput, .standardError]
  ) {
    self.path = path
    self.limit = limit
    self.descriptors = descriptors
  }

  /// Replaces the file if it is full. Output that goes elsewhere is left alone: somebody else looks after it.
  package func trim() {
    turn.withLock { _ in
      guard let written = try? descriptors.first?.stat().rawValue, written.st_size > limit,
        let named = try? path.stat().rawValue, named.st_ino == written.st_ino, named.st_dev == written.st_dev
      else { return }
      let older = FilePath(path.string + ".1")
      guard path.withPlatformString({ old in older.withPlatformString { renameFile(old, $0) } }) == 0 else { return }
      // Without a new file the old one is printed to on.
      guard
        let file = try? FileDescriptor.open(
          path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
      else { return }
      for descriptor in descriptors { _ = try? file.duplicate(as: descriptor) }
      try? file.close()
    }
  }
}
