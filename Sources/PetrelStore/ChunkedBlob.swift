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

  private final class Filling: Sendable {
    let fill: Mutex<ChunkFill>
    init(_ range: Range<Int64>) { fill = Mutex(ChunkFill(range)) }
  }

  private struct State {
    /// Nil: not all of the chunk is there.
    var slots: [Slot?]
    var filling: [Int: Filling] = [:]
    var received: Int64 = 0
    /// What went wrong in the background.
    var failure: StoreError?
  }

  typealias Write = @Sendable (FileDescriptor, _ offset: Int64, _ bytes: UnsafeRawBufferPointer) throws -> Void

  package let digest: Digest
  package let layout: ChunkLayout
  let files: ChunkFiles
  private let hasher = ChunkHasher()
  private let writers = FileQueue()
  private let state: Mutex<State>
  private let write: Write
  /// Yields when a chunk has become complete.
  let completions: AsyncStream<Void>
  let completed: AsyncStream<Void>.Continuation

  /// - Parameter write: writes bytes at an offset.
  init(
    digest: Digest, files: ChunkFiles,
    write: @escaping Write = { file, offset, bytes in try file.writeAll(toAbsoluteOffset: offset, bytes) }
  ) throws {
    self.digest = digest
    self.files = files
    self.write = write
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
  /// Throws ``StoreError``: `tooLarge`, `noSpace`, `io`.
  package func write(_ pieces: [some Collection<UInt8> & Sendable], at offset: Int64) async throws {
    try await writers.run { [self] in
      var offset = offset
      for piece in pieces {
        let done: Void? = try piece.withContiguousStorageIfAvailable {
          try writeNow(UnsafeRawBufferPointer($0), at: offset)
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

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    try files.reportingErrno("read") { try files.data.read(fromAbsoluteOffset: offset, into: buffer) }
  }

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
        for await _ in due { await inBackground { _ = try await onDisk { try self.checkpoint() } } }
      }
      for await _ in completions {
        flush.yield()
        await inBackground { _ = try await self.hasher.advance(self) }
      }
      flush.finish()
    }
  }

  func checkpoint() throws -> Bool {
    try files.reportingErrno("flush") { try files.journal.checkpoint(files.data) }
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

  private func checkFailure() throws {
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  private func writeNow(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
    try checkFailure()
    guard offset >= 0, Int64(bytes.count) <= layout.size - offset else {
      throw StoreError(.tooLarge, "\(digest) is longer than the \(layout.size) bytes that were announced")
    }
    var rest = bytes
    var position = offset
    while !rest.isEmpty {
      let chunk = layout.chunk(at: position)
      let room = Int(layout.range(of: chunk).upperBound - position)
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(room))
      try write(part, at: position, in: chunk)
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
      position += Int64(part.count)
    }
  }

  private func write(_ part: UnsafeRawBufferPointer, at offset: Int64, in chunk: Int) throws {
    let filling = state.withLock { state -> Filling? in
      guard state.slots[chunk] == nil else { return nil }
      let filling = state.filling[chunk] ?? Filling(layout.range(of: chunk))
      state.filling[chunk] = filling
      return filling
    }
    guard let filling else { return }
    let left = layout.size - received
    try files.reportingErrno("write", note: " (\(left) more bytes are needed; what was received is kept)") {
      try write(files.data, offset, part)
    }
    let end = offset + Int64(part.count)
    let (gained, isComplete, checksum) = filling.fill.withLock { fill in
      let wasComplete = fill.isComplete
      let gained = fill.insert(offset..<end, bytes: part)
      return (gained, fill.isComplete && !wasComplete, fill.finalChecksum)
    }
    state.withLock { $0.received += gained }
    if isComplete { try complete(chunk, checksum) }
  }

  private func complete(_ chunk: Int, _ checksum: UInt64?) throws {
    let checksum = try checksum ?? readChecksum(chunk)
    try files.reportingErrno("write") { try files.journal.note(written: chunk, checksum: checksum) }
    state.withLock { state in
      state.slots[chunk] = Slot(checksum: checksum, isChecked: true)
      state.filling[chunk] = nil
    }
    completed.yield()
  }

  private func readChecksum(_ chunk: Int) throws -> UInt64 {
    let range = layout.range(of: chunk)
    let bytes = try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while count < range.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
        let read = try read(into: rest, at: range.lowerBound + Int64(count))
        guard read > 0 else { throw StoreError(.io, "\(files.path) was cut off while it was written") }
        count += read
      }
    }
    return bytes.withUnsafeBytes { ChunkChecksum(of: $0).value }
  }

  private func drop(_ chunk: Int) throws {
    try files.reportingErrno("write") { try files.journal.note(dropped: chunk) }
    state.withLock { state in
      guard state.slots[chunk] != nil else { return }
      state.slots[chunk] = nil
      state.received -= Int64(layout.range(of: chunk).count)
    }
  }

  /// Counts what an earlier session has left.
  private func takeOver(_ records: ChunkRecords) throws {
    let length = try files.reportingErrno("look at") { try files.data.stat().size }
    for (chunk, entry) in records.entries where layout.range(of: chunk).upperBound <= length {
      // Not known to have reached the disk before the machine went down, if it did.
      if !records.isDurable(chunk), try readChecksum(chunk) != entry.checksum { continue }
      take(chunk, Slot(checksum: entry.checksum, isChecked: false))
    }
    let adopted = min(records.adopted, length)
    for chunk in 0..<layout.count where records.entries[chunk] == nil && !records.dropped.contains(chunk) {
      let range = layout.range(of: chunk)
      if range.upperBound <= adopted {
        take(chunk, Slot(checksum: nil, isChecked: false))
      } else if range.lowerBound < adopted {
        let filling = Filling(range)
        let gained = filling.fill.withLock { $0.insert(range.lowerBound..<adopted, bytes: nil) }
        state.withLock { state in
          state.filling[chunk] = filling
          state.received += gained
        }
      }
    }
    completed.yield()
  }

  private func take(_ chunk: Int, _ slot: Slot) {
    state.withLock { state in
      state.slots[chunk] = slot
      state.received += Int64(layout.range(of: chunk).count)
    }
  }
}
