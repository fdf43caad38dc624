// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Feeds a ``PartialBlob`` in large pieces: while one is hashed and written, the next is collected. At most two pieces
/// are in memory.
package struct BlobWriter {
  static let pieceSize = 1024 * 1024

  package let digest: Digest
  /// Bytes, as announced.
  package let size: Int64
  /// Bytes accepted so far, those of earlier attempts included.
  package private(set) var offset: Int64
  private let partial: PartialBlob
  private var piece: [UInt8] = []
  private var writing: Task<Void, any Error>?
  /// A piece could not be written; what came after it must not take its place.
  private var isBroken = false

  init(_ partial: PartialBlob, offset: Int64) {
    digest = partial.digest
    size = partial.size
    self.partial = partial
    self.offset = offset
  }

  /// Throws ``StoreError``: `tooLarge` for more bytes than announced, `noSpace`, `io`.
  package mutating func append(_ bytes: some Collection<UInt8>) async throws {
    guard !isBroken else { throw StoreError(.io, "cannot write \(digest): an earlier piece could not be written") }
    guard Int64(bytes.count) <= size - offset else {
      throw StoreError(.tooLarge, "\(digest) is longer than the \(size) bytes that were announced")
    }
    if piece.capacity < Self.pieceSize { piece.reserveCapacity(Self.pieceSize + 65_536) }
    piece.append(contentsOf: bytes)
    offset += Int64(bytes.count)
    if piece.count >= Self.pieceSize { try await writePiece() }
  }

  /// Forgets all bytes, to start over.
  package mutating func restart() async throws {
    // What the write met does not matter any more.
    _ = try? await writing?.value
    writing = nil
    isBroken = false
    piece = []
    try await partial.discard()
    offset = 0
  }

  /// Waits until all accepted bytes are written.
  mutating func flush() async throws {
    if !piece.isEmpty, !isBroken { try await writePiece() }
    try await settle()
  }

  private mutating func settle() async throws {
    defer { writing = nil }
    do {
      try await writing?.value
    } catch {
      isBroken = true
      throw error
    }
  }

  private mutating func writePiece() async throws {
    try await settle()
    let full = piece
    piece = []
    // Awaited by the next call of this function, by `flush` or by `restart`, of which each ingest makes one.
    writing = Task { [partial] in try await partial.append(full) }
  }
}
