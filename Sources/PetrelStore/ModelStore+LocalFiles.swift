// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// A file outside of the store that was read and hashed, and is to become a blob.
package struct LocalBlob: Hashable, Sendable {
  package let path: FilePath
  package let digest: Digest
  /// Bytes.
  package let size: Int64
  package let device: UInt64
  package let inode: UInt64
  /// Nanoseconds since 1970 of the last change of the contents.
  package let modified: Int64

  package init(path: FilePath, digest: Digest, size: Int64, device: UInt64, inode: UInt64, modified: Int64) {
    self.path = path
    self.digest = digest
    self.size = size
    self.device = device
    self.inode = inode
    self.modified = modified
  }

  /// Whether the open file is the one that was hashed, and nobody has written to it since.
  fileprivate func matches(_ status: Stat) -> Bool {
    let stamp = PlatformFile.Stamp(status)
    return status.type == .regular && stamp.size == size && stamp.file.device == device && stamp.file.inode == inode
      && Int64(stamp.seconds) &* 1_000_000_000 &+ Int64(stamp.nanoseconds) == modified
  }
}

extension ModelStore {
  /// How a file's bytes came into the store.
  package enum Taking: Hashable, Sendable {
    case alreadyPresent
    /// The file system shares the bytes until the file is written to.
    case cloned
    /// The file is the blob, under a second name, and read-only.
    case linked
    /// The store has the bytes a second time.
    case copied
  }

  /// Makes a file a blob, without a copy where the file system allows it: as a clone, or as a second name of a file that
  /// nobody may write to. Else the bytes are copied and verified.
  ///
  /// The digest of a file that is not copied is taken from the caller, who has just hashed it: that it is the same file
  /// and unchanged is checked before and after. A clone never changes afterwards.
  ///
  /// - Parameter mayLink: also gives writable files a second name, and takes the permission to write from them. The
  ///   caller vouches for it that no program has them open for writing.
  /// Throws ``StoreError``: `fileChanged`, `digestMismatch`, `noSpace`, `io`.
  package func take(_ file: LocalBlob, mayLink: Bool) async throws -> Taking {
    if let taking = try await share(file, mayLink: mayLink) { return taking }
    let source: FileDescriptor
    do {
      source = try FileDescriptor.open(file.path, .readOnly, options: [.closeOnExec, .nonBlocking])
    } catch let error as Errno {
      throw StoreError(errno: error, "read \(file.path)")
    }
    defer { try? source.close() }
    let outcome = try await withIngest(of: file.digest, size: file.size) { writer in
      try await writer.restart()
      while writer.offset < file.size {
        let offset = writer.offset
        let count = Int(min(file.size - offset, Int64(BlobWriter.pieceSize)))
        let piece = try await onDisk { try source.bytes(at: offset, count: count) }
        guard !piece.isEmpty else { throw Self.changed(file) }
        try await writer.append(piece)
      }
    }
    return outcome == .written ? .copied : .alreadyPresent
  }

  /// Nil when the bytes must be copied.
  private func share(_ file: LocalBlob, mayLink: Bool) async throws -> Taking? {
    try await turns.take(file.digest)
    defer { turns.yield(file.digest) }
    return try await onDisk { [self] in
      if contains(file.digest, size: file.size) { return .alreadyPresent }
      let name = temporaries.reserve(beside: layout.blob(file.digest))
      defer { withExtendedLifetime(name) {} }
      let temporary = name.path
      // Gone already when all went well.
      defer { attempt("remove an unfinished blob") { try PlatformFile.unlink(temporary) } }
      do {
        let source = try FileDescriptor.open(file.path, .readOnly, options: [.closeOnExec, .nonBlocking])
        return try source.closeAfterwards { source -> Taking? in
          let before = try source.stat()
          guard file.matches(before) else { throw Self.changed(file) }
          guard let taking = try share(source, file, before, at: temporary, mayLink: mayLink) else { return nil }
          guard file.matches(try source.stat()) else { throw Self.changed(file) }
          // A second name of a file has the file's mode: nobody gets to read what he may not.
          let mode = taking == .linked ? before.permissions.subtracting(.writableByAll) : .readableByAll
          try PlatformFile.setPermissions(temporary, mode)
          try FileDescriptor.open(temporary, .readOnly, options: .closeOnExec).closeAfterwards {
            try PlatformFile.sync($0)
          }
          try PlatformFile.rename(temporary, to: layout.blob(file.digest))
          try Folder.sync(layout.blobs)
          return taking
        }
      } catch Errno.noSuchFileOrDirectory {
        throw StoreError(.fileChanged, "\(file.path) does not exist for the daemon")
      } catch let error as Errno {
        throw StoreError(errno: error, "take \(file.path) into the store")
      }
    }
  }

  private func share(
    _ source: FileDescriptor, _ file: LocalBlob, _ status: Stat, at temporary: FilePath, mayLink: Bool
  ) throws(Errno) -> Taking? {
    do {
      try PlatformFile.clone(source, to: temporary)
      return .cloned
    } catch {
      guard PlatformFile.isSharingUnsupported(error) else { throw error }
    }
    let isReadOnly = status.permissions.isDisjoint(with: .writableByAll)
    guard mayLink || isReadOnly else { return nil }
    do {
      try PlatformFile.hardLink(following: file.path, to: temporary)
    } catch {
      guard PlatformFile.isSharingUnsupported(error) else { throw error }
      return nil
    }
    // The path may lead to another file by now.
    let linked = try temporary.stat(followTargetSymlink: false)
    return linked.inode == status.inode && file.matches(linked) ? .linked : nil
  }

  private static func changed(_ file: LocalBlob) -> StoreError {
    StoreError(
      .fileChanged,
      "\(file.path) is not the file that was packaged, or has changed since: try again when nothing writes to it")
  }
}
