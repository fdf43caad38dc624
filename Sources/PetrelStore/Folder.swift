// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Folders: made, listed, removed, flushed.
enum Folder {
  static func create(_ path: FilePath) throws {
    do {
      try PlatformFile.makeFolder(path)
    } catch .noSuchFileOrDirectory where !path.removingLastComponent().isEmpty {
      try create(path.removingLastComponent())
      try create(path)
    } catch .fileExists where (try? path.stat().type) == .directory {
    } catch {
      throw StoreError(errno: error, "create \(path)")
    }
  }

  /// Names in the folder, in no particular order; empty when it does not exist.
  static func names(in path: FilePath) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path.string)) ?? []
  }

  /// Removes a file or a folder with all it holds. What does not exist is no error.
  static func remove(_ path: FilePath) throws {
    do {
      if try path.stat(followTargetSymlink: false).type == .directory {
        for name in names(in: path) { try remove(path.appending(name)) }
        try PlatformFile.removeFolder(path)
      } else {
        try PlatformFile.unlink(path)
      }
    } catch Errno.noSuchFileOrDirectory {
    } catch let error as Errno {
      throw StoreError(errno: error, "remove \(path)")
    }
  }

  /// Removes a folder so that no crash leaves half of it under its name.
  static func removeAtOnce(_ path: FilePath) throws {
    let temporary = StoreLayout.temporary(beside: path)
    do {
      try PlatformFile.rename(path, to: temporary)
    } catch .noSuchFileOrDirectory {
      return
    } catch {
      throw StoreError(errno: error, "remove \(path)")
    }
    try remove(temporary)
  }

  /// Makes the folder's entries durable.
  static func sync(_ path: FilePath) throws {
    let folder = try FileDescriptor.open(path.isEmpty ? "." : path, .readOnly, options: [.directory, .closeOnExec])
    try folder.closeAfterwards { try PlatformFile.sync($0) }
  }

  /// Bytes that a file takes. Large downloads have holes where bytes are missing.
  static func size(of path: FilePath, _ status: Stat) -> Int64 {
    guard path.lastComponent?.string.hasSuffix(StoreLayout.chunksSuffix) == true else { return status.size }
    return min(status.size, (try? PlatformFile.allocatedSize(path)) ?? status.size)
  }

  /// Bytes of the regular file at `path`, or in all of them below; a file with several names counts once.
  static func diskUsage(_ path: FilePath) -> Int64 {
    if let status = try? path.stat(followTargetSymlink: false), status.type == .regular {
      return size(of: path, status)
    }
    var seen: Set<PlatformFile.FileID> = []
    var total: Int64 = 0
    var folders = [path]
    while let folder = folders.popLast() {
      for name in names(in: folder) {
        let entry = folder.appending(name)
        // Files may go while we walk.
        guard let status = try? entry.stat(followTargetSymlink: false) else { continue }
        switch status.type {
        case .directory: folders.append(entry)
        case .regular:
          guard status.linkCount == 1 || seen.insert(PlatformFile.FileID(status)).inserted else { continue }
          total += size(of: entry, status)
        default: break
        }
      }
    }
    return total
  }
}
