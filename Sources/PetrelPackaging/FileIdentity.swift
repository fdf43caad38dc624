// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Which file it was that was read, and in what state: whoever opens the same path later can tell whether it still is.
package struct FileIdentity: Hashable, Sendable {
  package let device: UInt64
  package let inode: UInt64
  /// Bytes.
  package let size: Int64
  /// Nanoseconds since 1970 of the last change of the contents.
  package let modified: Int64

  init(_ status: Stat) {
    device = UInt64(truncatingIfNeeded: status.rawValue.st_dev)
    inode = UInt64(status.rawValue.st_ino)
    size = status.size
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
  }
}
