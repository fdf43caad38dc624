// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage

/// The files of a ``ChunkedBlob``, locked while they are open.
final class ChunkFiles: Sendable {
  /// The blob's bytes, with holes.
  let data: PieceFile
  let journal: ChunkJournal
  /// What an earlier session has left.
  let records: ChunkRecords
  let path: FilePath
  private let digest: Digest
  private let layout: StoreLayout
  private let isOpen = Mutex(true)

  /// Opens what an earlier session has left, or the `.incomplete` file of another program, or begins anew.
  ///
  /// - Parameter chunks: how the blob is cut up, when it is begun anew.
  /// Throws ``StoreError``: `busy` when another process works on it, `io`, `noSpace`.
  init(_ digest: Digest, _ chunks: ChunkLayout, in layout: StoreLayout) throws {
    self.digest = digest
    self.layout = layout
    path = layout.chunks(digest)
    do {
      try Self.adopt(digest, chunks, layout)
      let file = try Self.openLocked(path, digest, creating: true)
      do {
        let known = try FileContents.readIfPresent(layout.chunkRecords(digest), limit: 64 * 1024 * 1024)
        let parsed = known.flatMap { ChunkRecords(parsing: $0, digest: digest, size: chunks.size) }
        // Bytes that nothing is known about.
        if parsed == nil {
          try DiskWatch.willChange(.truncate, path)
          try file.resize(to: 0)
        }
        journal = try ChunkJournal(
          layout.chunkRecords(digest), records: parsed, head: ChunkRecords.head(digest, chunks))
        records = parsed ?? ChunkRecords(layout: chunks)
        data = try PieceFile(file, path: path)
      } catch {
        PlatformFile.closeUnlocked(file)
        throw error
      }
    } catch let error as Errno {
      throw StoreError(errno: error, "open \(layout.chunks(digest))")
    }
  }

  deinit { close() }

  /// Lets the files and their lock go, now and not when the last reference does. Harmless when repeated.
  func close() {
    let wasOpen = isOpen.withLock { isOpen in
      defer { isOpen = false }
      return isOpen
    }
    if wasOpen { data.close() }
  }

  /// Makes the chunks that have been written so far durable. Those that cannot be made so count as missing from then on:
  /// the system may forget what it failed to flush, and say nothing the next time.
  func checkpoint() throws -> Bool {
    try reportingErrno("flush") {
      try journal.checkpoint {
        try DiskWatch.willChange(.sync, path)
        try PlatformFile.syncData(data.file)
      }
    }
  }

  /// Makes the file durable and gives it its final name.
  func finish() throws {
    try reportingErrno("finish") {
      try journal.forgettingUnflushed {
        try DiskWatch.willChange(.sync, path)
        try PlatformFile.sync(data.file)
      }
      let blob = layout.blob(digest)
      try PlatformFile.rename(path, to: blob)
      // Engines get hard links to this file. Nobody may write through one.
      try PlatformFile.setPermissions(blob, [.ownerRead, .groupRead, .otherRead])
      try Folder.sync(layout.blobs)
      try PlatformFile.unlink(layout.chunkRecords(digest))
    }
  }

  /// Removes all that was received.
  func remove() throws {
    try reportingErrno("remove") {
      // The other way round, a crash would leave records of a file that is not there.
      try PlatformFile.unlink(layout.chunkRecords(digest))
      try PlatformFile.unlink(path)
    }
  }

  func reportingErrno<R>(_ action: String, note: String = "", _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as Errno {
      throw StoreError(errno: error, "\(action) \(path)\(note)")
    }
  }

  /// Takes over the beginning of the blob that Docker Model Runner or a single stream has left.
  private static func adopt(_ digest: Digest, _ chunks: ChunkLayout, _ layout: StoreLayout) throws {
    let partial = layout.partial(digest)
    guard (try? layout.chunks(digest).stat()) == nil, let size = try? partial.stat().size, size > 0 else { return }
    let file = try openLocked(partial, digest, creating: false)
    // It is opened again under its new name.
    defer { PlatformFile.closeUnlocked(file) }
    guard size <= chunks.size else { return try PlatformFile.unlink(partial) }
    let journal = try ChunkJournal(
      layout.chunkRecords(digest), records: nil, head: ChunkRecords.head(digest, chunks))
    try journal.note(adopted: size)
    try PlatformFile.rename(partial, to: layout.chunks(digest))
  }

  private static func openLocked(_ path: FilePath, _ digest: Digest, creating: Bool) throws -> FileDescriptor {
    if creating { try DiskWatch.willChange(.create, path) }
    let file = try FileDescriptor.open(
      path, .readWrite, options: creating ? [.create, .closeOnExec] : .closeOnExec,
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    do {
      // Whoever had the lock may have moved the file into place since it was opened.
      guard try PlatformFile.lock(file, waiting: false), try path.stat().inode == file.stat().inode else {
        throw StoreError(.busy, "another process is downloading \(digest); try again when it has finished")
      }
      return file
    } catch {
      PlatformFile.closeUnlocked(file)
      throw error
    }
  }
}
