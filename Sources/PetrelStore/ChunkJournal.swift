// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage

/// The checkpoint file of a ``ChunkedBlob``, open for appending; see ``ChunkRecords`` for what is in it.
final class ChunkJournal: Sendable {
  private struct State {
    var written: Int
    var durable: Int
    var length: Int64
    /// The chunks that are not known to be durable, by the number of their line.
    var unflushed: [Int: Int]
  }

  private let file: FileDescriptor
  private let path: FilePath
  private let state: Mutex<State>

  /// Opens the file and takes away what a crash has left at its end; or makes a new one.
  ///
  /// - Parameters:
  ///   - records: what the file says; nil to begin anew.
  ///   - head: a new file's first line.
  init(_ path: FilePath, records: ChunkRecords?, head: String) throws {
    self.path = path
    try DiskWatch.willChange(.create, path)
    file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .append, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    let length = Int64(records?.length ?? 0)
    state = Mutex(
      State(
        written: records?.written ?? 0, durable: records?.durable ?? 0, length: length,
        unflushed: records?.unflushed ?? [:]))
    try resize(to: length)
    if records == nil { try append(head) }
  }

  deinit { try? file.close() }

  /// To be called when the chunk's bytes have been written.
  func note(written chunk: Int, checksum: UInt64) throws {
    try append(ChunkRecords.line(written: chunk, checksum: checksum)) { state in
      state.unflushed[state.written] = chunk
      state.written += 1
    }
  }

  func note(dropped chunk: Int) throws { try append(ChunkRecords.line(dropped: chunk)) }

  func note(adopted bytes: Int64) throws {
    try append(ChunkRecords.line(adopted: bytes))
    try sync()
  }

  /// Makes the chunks that have been written so far durable: first their bytes, with `flush`, then the note of it.
  /// Returns false when there was nothing to do.
  func checkpoint(_ flush: () throws -> Void) throws -> Bool {
    let (written, durable) = state.withLock { ($0.written, $0.durable) }
    guard written > durable else { return false }
    try forgettingUnflushed(flush)
    try append(ChunkRecords.line(durable: written)) { state in
      state.unflushed = state.unflushed.filter { $0.key >= written }
      state.durable = written
    }
    try sync()
    return true
  }

  /// When `flush` fails, notes that all chunks which are not known to be durable are missing.
  func forgettingUnflushed(_ flush: () throws -> Void) throws {
    do {
      try flush()
    } catch {
      let lost = state.withLock { $0.unflushed.values.sorted() }
      // Where even this does not reach the disk, nothing there says that they are durable.
      try? append(lost.map { ChunkRecords.line(dropped: $0) }.joined() + ChunkRecords.line(adopted: 0))
      throw error
    }
  }

  private func resize(to length: Int64) throws {
    try DiskWatch.willChange(.truncate, path)
    try file.resize(to: length)
  }

  private func sync() throws {
    try DiskWatch.willChange(.sync, path)
    try PlatformFile.syncData(file)
  }

  private func append(_ line: String, then change: (inout State) -> Void = { _ in }) throws {
    try state.withLock { state in
      do {
        try DiskWatch.willChange(.write, path)
        try file.writeAll(Array(line.utf8))
      } catch {
        // Half a line would hide all that come after it.
        try? resize(to: state.length)
        throw error
      }
      state.length += Int64(line.utf8.count)
      change(&state)
    }
  }
}
