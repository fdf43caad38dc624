// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension PlatformFile {
  /// Makes `target` a file of its own that shares the disk blocks of `source` until one of them is written to. `target`
  /// must not exist. Fails where the file system cannot do that.
  static func clone(_ source: FileDescriptor, to target: FilePath) throws {
    #if canImport(Darwin)
      let result = target.withPlatformString { fclonefileat(source.rawValue, AT_FDCWD, $0, 0) }
      guard result == 0 else { throw Errno(rawValue: errno) }
    #else
      let file = try FileDescriptor.open(
        target, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      do {
        // FICLONE of linux/fs.h, a macro that Swift does not see.
        guard ioctl(file.rawValue, 0x4004_9409, source.rawValue) == 0 else { throw Errno(rawValue: errno) }
      } catch {
        try? file.close()
        try? unlink(target)
        throw error
      }
      try file.close()
    #endif
  }

  /// Gives the file that `source` leads to, symbolic links followed, a second name.
  static func hardLink(following source: FilePath, to target: FilePath) throws {
    let result = source.withPlatformString { source in
      target.withPlatformString { linkat(AT_FDCWD, source, AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
  }
}
