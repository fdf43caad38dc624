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
  /// Makes `target`, which must not exist, a file of its own that shares the bytes of an open file until one of the two
  /// is written to. Leaves nothing behind when the file system cannot do that.
  static func clone(_ source: FileDescriptor, to target: FilePath) throws(Errno) {
    try DiskWatch.willChange(.clone, target)
    #if canImport(Darwin)
      let status = target.withPlatformString { fclonefileat(source.rawValue, AT_FDCWD, $0, 0) }
      guard status == 0 else { throw Errno(rawValue: errno) }
    #else
      let file: FileDescriptor
      do {
        file = try FileDescriptor.open(
          target, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
      } catch {
        throw error as? Errno ?? .ioError
      }
      // _IOW(0x94, 9, int), linux/fs.h; the value is the same on all of Swift's platforms.
      let status = ioctl(file.rawValue, UInt(0x4004_9409), source.rawValue)
      let error = Errno(rawValue: errno)
      try? file.close()
      guard status == 0 else {
        try? unlink(target)
        throw error
      }
    #endif
  }

  /// Gives the file that `source` leads to, over symbolic links, a second name.
  static func hardLink(following source: FilePath, to target: FilePath) throws(Errno) {
    try DiskWatch.willChange(.link, source, to: target)
    let status = source.withPlatformString { source in
      target.withPlatformString { linkat(AT_FDCWD, source, AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
    }
    guard status == 0 else { throw Errno(rawValue: errno) }
  }

  /// Whether a failed ``clone(_:to:)`` or link says that the file system, or a border between two, does not allow it.
  static func isSharingUnsupported(_ error: Errno) -> Bool {
    // Both names for one thing differ on Darwin; old kernels say ENOTTY or EINVAL to a request they do not know.
    let unsupported: [Errno] = [
      .improperLink, .notPermitted, .tooManyLinks, .notSupported, .noFunction, .invalidArgument,
      .inappropriateIOCTLForDevice, .permissionDenied, Errno(rawValue: EOPNOTSUPP),
    ]
    return unsupported.contains(error)
  }
}
