// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import Synchronization
import SystemPackage

/// A large blob that is being received in chunks, in any order and several at a time.
///
/// Its bytes are in `blobs/sha256/<hex>.petrel-chunks`, with holes where they are missing; `<hex>.petrel-records` says
/// which chunks are there. Both survive the process. A chunk that was flushed before it was recorded counts at once in
/// the next session; of the others the checksum is looked at first.
///
/// Ranges are in bytes of the blob. May be used from any task; what blocks is done on threads for that.
package final class ChunkedBlob: Sendable {
  /// What the bytes that are there make.
  package enum Verdict: Hashable, Sendable {
    /// Some are missing, maybe because they have changed on the disk since an earlier session.
    case incomplete
    case isWhole
    case differs(Digest)
  }

  /// A chunk that is there.
  struct Slot {
    /// Nil until it has been computed, of bytes that another program has left.
    var checksum: UInt64?
    /// It came in this session, or was compared with its checksum since.
    var isChecked: Bool
  }

  struct State {
    /// Nil: not all of the chunk is there.
    var slots: [Slot?]
    var filling: [Int: ChunkFilling] = [:]
    var received: Int64 = 0
    /// Blocks that are in the file and still in memory, by their place.
    var kept: [Int64: KeptBlock] = [:]
    /// What went wrong in the background.
    var failure: StoreError?
  }

  typealias Write = @Sendable (FileDescriptor, _ offset: Int64, _ bytes: UnsafeRawBufferPointer) throws -> Void

  package let digest: Digest
  package let layout: ChunkLayout
  let files: ChunkFiles
  let pool: BlockPool
  let state: Mutex<State>
  let writeBytes: Write
  private let hasher = ChunkHasher()
  private let writers: FileQueue
  private let probe: DiskProbe?
  /// Yields when a chunk has become complete.
  let completions: AsyncStream<Void>
  let completed: AsyncStream<Void>.Continuation

  /// - Parameters:
  ///   - pool: for blocks of the file.
  ///   - probe: told of what is written and flushed.
  ///   - write: writes bytes at an offset.
  init(
    digest: Digest, files: ChunkFiles, pool: BlockPool = BlockPool(), probe: DiskProbe? = nil,
    write: @escaping Write = { file, offset, bytes in try file.writeAll(toAbsoluteOffset: offset, bytes) }
  ) throws {
    self.digest = digest
    self.files = files
    self.pool = pool
    self.probe = probe
    writers = FileQueue(watchedBy: probe)
    writeBytes = write
    layout = files.records.layout
    (completions, completed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    state = Mutex(State(slots: Array(repeating: nil, count: layout.count)))
    try takeOver(files.records)
  }

  /// Bytes that are there.
  package var received: Int64 { state.withLock { $0.received } }

  /// Ranges that are missing, in order; none goes beyond the end of a chunk.
  package var missing: [Range<Int64>] {
    state.withLock { state in
      state.slots.indices.flatMap { chunk in
        if state.slots[chunk] != nil { return [Range<Int64>]() }
        return state.filling[chunk]?.fill.withLock { $0.gaps } ?? [layout.range(of: chunk)]
      }
    }
  }

  /// Writes bytes that follow each other. What is there already is left alone.
  ///
  /// Pieces that begin at a page, in memory and in the blob, are written without being copied.
  ///
  /// Throws ``StoreError``: `tooLarge`, `noSpace`, `io`.
  package func write(_ pieces: [some Collection<UInt8> & Sendable], at offset: Int64) async throws {
    try await writers.run { [self] in
      var offset = offset
      for piece in pieces {
        let done: Void? = try piece.withContiguousStorageIfAvailable {
          try writeNow(UnsafeRawBufferPointer($0), at: offset, of: LentBytes(piece))
        }
        if done == nil { try Array(piece).withUnsafeBytes { try writeNow($0, at: offset) } }
        offset += Int64(piece.count)
      }
    }
  }

  /// Hashes what is there as far as nothing is missing. Throws ``StoreError`` or `CancellationError`.
  package func verdict() async throws -> Verdict {
    try checkFailure()
    guard let actual = try await hasher.advance(self), missing.isEmpty else { return .incomplete }
    return actual == digest ? .isWhole : .differs(actual)
  }

  /// Compares all chunks with the checksums they had when they came, and drops those that have changed on the disk.
  /// Returns these.
  package func dropChanged() async throws -> [Int] {
    var changed: [Int] = []
    for chunk in 0..<layout.count {
      guard let expected = presentSlot(chunk)?.checksum else { continue }
      try Task.checkCancellation()
      guard try await hasher.checksum(self, chunk) != expected else { continue }
      try await onDisk { [self] in try drop(chunk) }
      changed.append(chunk)
    }
    if !changed.isEmpty { await hasher.restart() }
    return changed
  }

  /// Puts other bytes in the place of a chunk. Returns false when they are the same.
  package func replace(_ chunk: Int, with bytes: [UInt8]) async throws -> Bool {
    let isSame = try await onDisk { [self] in
      guard presentSlot(chunk)?.checksum != bytes.withUnsafeBytes({ ChunkChecksum(of: $0).value }) else { return true }
      // First this, so that after a crash in the middle the chunk counts as missing.
      if presentSlot(chunk) != nil { try drop(chunk) }
      try bytes.withUnsafeBytes { try writeNow($0, at: layout.range(of: chunk).lowerBound) }
      return false
    }
    if !isSame { await hasher.restart() }
    return !isSame
  }

  // MARK: For the room

  func presentSlot(_ chunk: Int) -> Slot? { state.withLock { $0.slots[chunk] } }

  /// Returns the bytes read, fewer only at the file's end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    try files.reportingErrno("read") { try files.data.read(into: buffer, at: offset) }
  }

  /// Memory to read into.
  func block() throws -> Block { try files.reportingErrno("read") { try pool.take() } }

  /// A block that is still in memory. It is forgotten.
  func takeKept(at offset: Int64) -> KeptBlock? { state.withLock { $0.kept.removeValue(forKey: offset) } }

  /// Takes note of what a chunk of an earlier session has turned out to be. Returns false, and drops it, when it is not
  /// what it was.
  func confirm(_ chunk: Int, checksum: UInt64) throws -> Bool {
    guard let slot = presentSlot(chunk) else { return false }
    if let expected = slot.checksum, expected != checksum {
      try drop(chunk)
      return false
    }
    if slot.checksum == nil {
      try files.reportingErrno("write") { try files.journal.note(written: chunk, checksum: checksum) }
    }
    state.withLock { $0.slots[chunk] = Slot(checksum: checksum, isChecked: true) }
    return true
  }

  /// Hashes behind the chunks that come, and flushes them to the disk, until ``completed`` is finished.
  func followAlong() async {
    await withTaskGroup(of: Void.self) { group in
      let (due, flush) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
      group.addTask { [self] in
        for await _ in due { await inBackground { _ = try await self.checkpoint() } }
      }
      for await _ in completions {
        flush.yield()
        await inBackground { _ = try await self.hasher.advance(self) }
      }
      flush.finish()
    }
  }

  func checkpoint() async throws -> Bool {
    try await onDisk(watchedBy: probe) { [files] in try files.checkpoint() }
  }

  private func inBackground(_ work: () async throws -> Void) async {
    do {
      try await work()
    } catch let error as StoreError {
      state.withLock { $0.failure = $0.failure ?? error }
    } catch {
      // Cancelled: whoever waits for the blob is told by other ways.
    }
  }

  func checkFailure() throws {
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }
}
