// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif
#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Questions about programs on disk.
enum Executable {
  static func isRunnable(_ path: FilePath) -> Bool {
    var isDirectory = false
    #if canImport(Darwin)
      var flag: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path.string, isDirectory: &flag) else { return false }
      isDirectory = flag.boolValue
    #else
      guard FileManager.default.fileExists(atPath: path.string, isDirectory: &isDirectory) else { return false }
    #endif
    return !isDirectory && FileManager.default.isExecutableFile(atPath: path.string)
  }

  /// The first program of that name in a `PATH`.
  static func find(_ name: String, in searchPath: String?) -> FilePath? {
    let folders = searchPath?.split(separator: ":").map { FilePath(String($0)) } ?? []
    return folders.map { $0.appending(name) }.first(where: isRunnable)
  }

  /// The path without symbolic links; the path as it is when nothing is there.
  static func realPath(_ path: FilePath) -> FilePath {
    guard let resolved = realpath(path.string, nil) else { return path }
    defer { free(resolved) }
    return FilePath(platformString: resolved)
  }

  /// The folders in `directory`, by name, the last first. Hidden ones are unfinished and left out.
  static func subdirectories(of directory: FilePath) -> [FilePath] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    return names.filter { !$0.hasPrefix(".") }.sorted().reversed().map { directory.appending($0) }
  }
}
