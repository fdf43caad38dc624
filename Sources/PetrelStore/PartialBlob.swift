// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// A blob that is being received: `blobs/sha256/<hex>.incomplete`, locked while it is open. It survives the process,
/// and the next attempt goes on where this one stopped.
///
/// Its file operations block a thread of their own, the hash is computed on another. Calls must not overlap.
actor PartialBlob {
  /// Written out early in steps of this many bytes.
  private static let writebackStep: Int64 = 8 * 1024 * 1024
  private static let readSize = 1024 * 1024

  nonisolated let digest: Digest
  /// Bytes, as announced.
  nonisolated let size: Int64
  private nonisolated let layout: StoreLayout
  private nonisolated let write: Write
  private nonisolated let sync: Sync
  private nonisolated let executor: DiskExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Nil once closed.
  private var file: FileDescriptor?
  private var hash = RunningHash()
  /// Bytes on the disk, all of them hashed.
  private(set) var offset: Int64 = 0
  private var writtenBack: Int64 = 0

  /// Writes bytes at an offset.
  typealias Write = @Sendable (FileDescriptor, _ offset: Int64, _ bytes: [UInt8]) throws -> Void

  /// Flushes bytes to the disk.
  typealias Sync = @Sendable (FileDescriptor) throws -> Void

  init(
    digest: Digest, size: Int64, layout: StoreLayout,
    write: @escaping Write = { file, offset, bytes in try file.writeAll(toAbsoluteOffset: offset, bytes) },
    sync: @escaping Sync = { try PlatformFile.sync($0) }, probe: DiskProbe? = nil
  ) {
    self.write = write
    self.sync = sync
    self.digest = digest
    self.size = size
    self.layout = layout
    executor = DiskExecutor(watchedBy: probe)
  }

  /// Opens or creates the file and reads what is there, once, to know its hash. What cannot become the blob (as long
  /// as it or longer, but not equal) is discarded. Returns the bytes that are there.
  ///
  /// Throws ``StoreError`` (`busy`) when another process works on it.
  func open() async throws -> Int64 {
    do {
      try DiskWatch.willChange(.create, path)
      let file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite, .groupRead, .otherRead])
      self.file = file
      // Whoever had the lock may have moved the file into place since it was opened.
      guard try PlatformFile.lock(file, waiting: false), try path.stat().inode == file.stat().inode else {
        throw StoreError(.busy, "another process is downloading \(digest); try again when it has finished")
      }
      if try file.stat().size > size { try resize(file, to: 0) }
      try await rehash(file)
      if size > 0, offset == size, await hash.digest != digest { try discard() }
    } catch let error as Errno {
      throw StoreError(errno: error, "open \(path)")
    }
    return offset
  }

  /// Throws ``StoreError`` (`tooLarge`) for more bytes than were announced; those are not written.
  func append(_ bytes: [UInt8]) async throws {
    guard let file else { throw StoreError(.io, "cannot write \(path): it is closed") }
    guard Int64(bytes.count) <= size - offset else {
      throw StoreError(.tooLarge, "\(digest) is longer than the \(size) bytes that were announced")
    }
    async let hashed: Void = hash.update(bytes)
    do {
      try DiskWatch.willChange(.write, path)
      try write(file, offset, bytes)
    } catch let error as Errno {
      try? resize(file, to: offset)
      let left = size - offset
      throw StoreError(errno: error, "write \(path) (\(left) more bytes are needed; what was received is kept)")
    }
    await hashed
    offset += Int64(bytes.count)
    if offset - writtenBack >= Self.writebackStep {
      PlatformFile.startWriteback(file, range: writtenBack..<offset)
      writtenBack = offset
    }
  }

  /// Forgets all bytes.
  func discard() throws {
    try reportingErrno("empty") { if let file { try resize(file, to: 0) } }
    hash = RunningHash()
    offset = 0
    writtenBack = 0
  }

  /// Checks length and digest, makes the file durable and gives it its final name. Wrong bytes, and those that the disk
  /// does not take, are deleted.
  ///
  /// Throws ``StoreError`` (`incomplete`, `digestMismatch`).
  func finish() async throws {
    guard let file else { throw StoreError(.io, "cannot finish \(path): it is closed") }
    guard offset == size else {
      throw StoreError(.incomplete, "\(digest) ended after \(offset) of \(size) bytes")
    }
    let actual = await hash.digest
    try reportingErrno("finish") {
      guard actual == digest else {
        try PlatformFile.unlink(path)
        throw StoreError(
          .digestMismatch,
          "blob digest mismatch for \(quoted(digest.description)): expected \(digest), got \(actual)")
      }
      do {
        try DiskWatch.willChange(.sync, path)
        try sync(file)
      } catch {
        // The system may forget what it failed to flush, and say nothing the next time.
        try? resize(file, to: 0)
        throw error
      }
      let blob = layout.blob(digest)
      try PlatformFile.rename(path, to: blob)
      // Engines get hard links to this file. Nobody may write through one.
      try PlatformFile.setPermissions(blob, [.ownerRead, .groupRead, .otherRead])
      try Folder.sync(layout.blobs)
      // What chunks of it came before is of no use any more.
      try PlatformFile.unlink(layout.chunkRecords(digest))
      try PlatformFile.unlink(layout.chunks(digest))
    }
  }

  /// Lets the file and its lock go. Harmless when repeated.
  func close() {
    if let file { PlatformFile.closeUnlocked(file) }
    file = nil
  }

  private nonisolated var path: FilePath { layout.partial(digest) }

  private func rehash(_ file: FileDescriptor) async throws {
    while offset < size {
      try Task.checkCancellation()
      let length = Int(min(size - offset, Int64(Self.readSize)))
      let piece = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
        count = try file.read(fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(buffer))
      }
      if piece.isEmpty { break }
      await hash.update(piece)
      offset += Int64(piece.count)
    }
    writtenBack = offset
  }

  private nonisolated func resize(_ file: FileDescriptor, to length: Int64) throws {
    try DiskWatch.willChange(.truncate, path)
    try file.resize(to: length)
  }

  private func reportingErrno(_ action: String, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as Errno {
      throw StoreError(errno: error, "\(action) \(path)")
    }
  }
}
