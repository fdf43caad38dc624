// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Looks at folders of other programs. What cannot be read counts as absent.
enum LocalFolder {
  /// Deeper folders are not looked at: links may lead in circles.
  private static let maximumDepth = 6
  private static let maximumFiles = 100_000
  private static let smallFile = 1024 * 1024

  struct Entry {
    /// Relative to the folder that was walked.
    let name: String
    let path: FilePath
    let size: Int64
    let modified: Int64
  }

  /// Names in the folder, sorted, hidden ones left out.
  static func names(in path: FilePath) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: path.string)) ?? []
    return all.filter { !$0.hasPrefix(".") }.sorted()
  }

  static func isFolder(_ path: FilePath) -> Bool { (try? path.stat().type) == .directory }

  /// All regular files below the folder, links followed, in the order of their names.
  static func files(below path: FilePath) -> [Entry] {
    var found: [Entry] = []
    func walk(_ folder: FilePath, _ prefix: String, depth: Int) {
      for name in names(in: folder) where found.count < maximumFiles {
        let entry = folder.appending(name)
        // A link whose target is gone has no status.
        guard let status = try? entry.stat() else { continue }
        if status.type == .regular {
          found.append(
            Entry(name: prefix + name, path: entry, size: status.size, modified: modified(status)))
        } else if status.type == .directory, depth < maximumDepth {
          walk(entry, prefix + name + "/", depth: depth + 1)
        }
      }
    }
    walk(path, "", depth: 0)
    return found
  }

  static func entry(_ path: FilePath, name: String) -> Entry? {
    guard let status = try? path.stat(), status.type == .regular else { return nil }
    return Entry(name: name, path: path, size: status.size, modified: modified(status))
  }

  /// In seconds since 1970.
  static func modified(_ status: Stat) -> Int64 { Int64(status.st_mtim.tv_sec) }

  /// The content of a small file.
  static func content(_ path: FilePath) -> Data? {
    guard let entry = entry(path, name: ""), entry.size <= Int64(smallFile) else { return nil }
    return FileManager.default.contents(atPath: path.string)
  }

  /// Where a symbolic link leads in the end; the path itself when it is none.
  static func target(_ path: FilePath) -> FilePath {
    FilePath(URL(fileURLWithPath: path.string).resolvingSymlinksInPath().path)
  }
}
