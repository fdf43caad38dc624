// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where the file of the running program is.
enum ExecutablePath {
  static func current() throws -> FilePath {
    #if canImport(Darwin)
      var size: UInt32 = 0
      _NSGetExecutablePath(nil, &size)
      var buffer = [CChar](repeating: 0, count: Int(size))
      if _NSGetExecutablePath(&buffer, &size) == 0, let resolved = realpath(buffer, nil) {
        defer { free(resolved) }
        return FilePath(platformString: resolved)
      }
    #else
      if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
        return FilePath(path)
      }
    #endif
    throw CommandError(.fileSystem, "cannot find this program's own file; start the daemon with `petrel serve`")
  }
}
