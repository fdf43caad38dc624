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
  /// What addresses, offsets and lengths of uncached reads and writes must be multiples of.
  static let uncachedAlignment = 4096

  /// Opens a file that exists once more, so that what is read and written goes past the system's cache: it would copy all
  /// bytes, push out what others need, and take more time than the disk. Nil where the file system can't do that.
  static func openUncached(_ path: FilePath) throws -> FileDescriptor? {
    #if canImport(Darwin)
      let file = try FileDescriptor.open(path, .readWrite, options: .closeOnExec)
      if fcntl(file.rawValue, F_NOCACHE, 1) == 0 { return file }
      try file.close()
      return nil
    #else
      do {
        return try FileDescriptor.open(
          path, .readWrite, options: [.closeOnExec, FileDescriptor.OpenOptions(rawValue: direct)])
      } catch Errno.invalidArgument {
        return nil
      }
    #endif
  }

  #if !canImport(Darwin)
    /// `O_DIRECT` of fcntl.h, which Swift does not see; Linux gives it another value on each kind of processor.
    #if arch(arm64) || arch(arm)
      private static let direct: CInt = 0o200000
    #else
      private static let direct: CInt = 0o40000
    #endif
  #endif
}
