// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file system of a few megabytes, to be filled up. Linux only, for root.
enum SmallDisk {
  /// Whether one can be mounted here; tried once.
  static let isPossible: Bool = {
    #if os(Linux)
      let path = FilePath("/tmp/ptr-disk-\(UInt32.random(in: .min ... .max))")
      guard geteuid() == 0, mkdir(path.string, 0o700) == 0 else { return false }
      defer { rmdir(path.string) }
      guard mount("tmpfs", path.string, "tmpfs", 0, "size=1m") == 0 else { return false }
      return umount2(path.string, Int32(MNT_DETACH)) == 0
    #else
      return false
    #endif
  }()

  static func with<Result>(
    megabytes: Int, isolation: isolated (any Actor)? = #isolation, _ body: (FilePath) async throws -> Result
  ) async throws -> Result {
    let path = FilePath("/tmp/ptr-disk-\(UInt32.random(in: .min ... .max))")
    #if os(Linux)
      guard mkdir(path.string, 0o700) == 0 else { throw Errno(rawValue: errno) }
      defer { rmdir(path.string) }
      guard mount("tmpfs", path.string, "tmpfs", 0, "size=\(megabytes)m") == 0 else { throw Errno(rawValue: errno) }
      defer { umount2(path.string, Int32(MNT_DETACH)) }
    #endif
    return try await body(path)
  }

  /// Writes a file until the disk is full.
  static func fill(_ path: FilePath) throws {
    let file = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
    let block = [UInt8](repeating: 0, count: 65_536)
    do {
      while true { try file.writeAll(block) }
    } catch Errno.noSpace {}
    try file.close()
  }
}
