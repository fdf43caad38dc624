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
      let (older, fresh) = (FilePath(path.string + ".1"), FilePath(path.string + ".new"))
      // Without a new file the old one keeps its name and is printed to on. What is left of the new one is taken by the
      // next try.
      guard
        let file = try? FileDescriptor.open(
          fresh, .writeOnly, options: [.create, .truncate, .append, .closeOnExec], permissions: .ownerReadWrite)
      else { return }
      defer { try? file.close() }
      guard Self.rename(path, to: older) else { return }
      guard Self.rename(fresh, to: path) else {
        _ = Self.rename(older, to: path)
        return
      }
      for descriptor in descriptors { _ = try? file.duplicate(as: descriptor) }
    }
  }

  private static func rename(_ old: FilePath, to new: FilePath) -> Bool {
    old.withPlatformString { old in new.withPlatformString { renameFile(old, $0) } } == 0
  }
}
