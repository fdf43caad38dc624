// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Small files, read and replaced as a whole.
enum FileContents {
  /// The bytes of the file at `path`, nil when there is none.
  ///
  /// - Parameter limit: a longer file is refused.
  static func readIfPresent(_ path: FilePath, limit: Int) throws -> [UInt8]? {
    do {
      return try FileDescriptor.open(path, .readOnly, options: .closeOnExec).closeAfterwards { file in
        let size = try file.stat().size
        guard size <= limit else { throw StoreError(.corrupt, "\(path) is larger than \(limit) bytes") }
        // One byte more shows that the file grew meanwhile.
        var bytes = [UInt8](repeating: 0, count: Int(size) + 1)
        var filled = 0
        while filled < bytes.count {
          let count = try bytes.withUnsafeMutableBytes { try file.read(into: .init(rebasing: $0[filled...])) }
          if count == 0 { break }
          filled += count
        }
        guard filled <= size else { throw StoreError(.io, "\(path) changed while it was read; try again") }
        return Array(bytes[..<filled])
      }
    } catch Errno.noSuchFileOrDirectory {
      return nil
    } catch let error as Errno {
      throw StoreError(errno: error, "read \(path)")
    }
  }

  /// Like ``readIfPresent(_:limit:)``; a missing file is an error.
  static func read(_ path: FilePath, limit: Int) throws -> [UInt8] {
    guard let bytes = try readIfPresent(path, limit: limit) else {
      throw StoreError(errno: .noSuchFileOrDirectory, "read \(path)")
    }
    return bytes
  }

  /// Replaces or creates the file, so that after a crash at any point there is the old or the new one, whole.
  static func replace(_ path: FilePath, with bytes: [UInt8]) throws {
    let temporary = StoreLayout.temporary(beside: path)
    do {
      do {
        try DiskWatch.willChange(.create, temporary)
        let file = try FileDescriptor.open(
          temporary, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try file.closeAfterwards { file in
          try DiskWatch.willChange(.write, temporary)
          try file.writeAll(bytes)
          try DiskWatch.willChange(.sync, temporary)
          try PlatformFile.sync(file)
        }
        try PlatformFile.setPermissions(temporary, [.ownerReadWrite, .groupRead, .otherRead])
        try PlatformFile.rename(temporary, to: path)
      } catch {
        try? PlatformFile.unlink(temporary)
        throw error
      }
      try Folder.sync(path.removingLastComponent())
    } catch let error as Errno {
      throw StoreError(errno: error, "write \(path)")
    }
  }
}

extension FileDescriptor {
  /// Runs `body` and closes the descriptor whatever happens. A failure to close is reported.
  func closeAfterwards<R>(_ body: (FileDescriptor) throws -> R) throws -> R {
    try closeAfter { try body(self) }
  }
}
