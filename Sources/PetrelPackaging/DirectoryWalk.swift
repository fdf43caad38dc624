// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files below a folder: depth first, the entries of each folder in the byte order of their names. What begins with
/// a dot is left out, and so are symbolic links.
///
/// Source: the order of Docker Model Runner's directory packaging, which the manifest's digest depends on.
struct DirectoryWalk {
  struct Entry {
    /// Below the folder, with `/`.
    let name: String
    let path: FilePath
    let isDirectory: Bool
  }

  /// More make no manifest that a registry takes.
  private static let largestCount = 50_000

  private(set) var entries: [Entry] = []
  private(set) var skippedLinks = 0

  init(_ folder: FilePath) throws(PackagingError) {
    do {
      guard try folder.stat().type == .directory else {
        throw PackagingError(.unsuitableFile, "path is not a directory: \(folder)")
      }
    } catch Errno.noSuchFileOrDirectory {
      throw PackagingError(.fileNotFound, "\(folder) does not exist")
    } catch {
      throw error as? PackagingError ?? PackagingError(.unreadableFile, "\(folder) cannot be inspected: \(error)")
    }
    try visit(folder, prefix: "")
  }

  private mutating func visit(_ folder: FilePath, prefix: String) throws(PackagingError) {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.string)
    } catch {
      throw PackagingError(.unreadableFile, "\(folder) cannot be listed: check that you may read it")
    }
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where !name.hasPrefix(".") {
      let path = folder.appending(name)
      let type: FileType
      do {
        type = try path.stat(followTargetSymlink: false).type
      } catch {
        throw PackagingError(.unreadableFile, "\(path) cannot be inspected: \(error)")
      }
      guard type != .symbolicLink else {
        skippedLinks += 1
        continue
      }
      guard entries.count < Self.largestCount else {
        throw PackagingError(.unsuitableFile, "\(folder) and its neighbours have more than \(Self.largestCount) files")
      }
      entries.append(Entry(name: prefix + name, path: path, isDirectory: type == .directory))
      if type == .directory { try visit(path, prefix: prefix + name + "/") }
    }
  }
}
