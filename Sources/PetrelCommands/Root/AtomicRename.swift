// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Puts a finished file in the place of another in one step.
enum AtomicRename {
  static func move(_ source: FilePath, to target: FilePath) throws(Errno) {
    guard rename(source.string, target.string) == 0 else { throw Errno(rawValue: errno) }
  }
}
