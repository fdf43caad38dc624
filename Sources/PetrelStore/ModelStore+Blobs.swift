// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

extension ModelStore {
  package enum IngestOutcome: Hashable, Sendable {
    /// The blob was there, or somebody else brought it while this ingest stood in line.
    case alreadyPresent
    case written
  }

  /// Keeps the blobs from being removed, those that are still to come included, for as long as the hold lives.
  package func hold(_ digests: some Sequence<Digest>) async throws -> BlobHold {
    let digests = Set(digests)
    // Whoever is removing a blob right now is waited for.
    return try await onDisk { [held] in BlobHold(digests, in: held) }
  }

  /// Whether a blob of that digest and size is there. Its bytes are not looked at.
  package func contains(_ descriptor: Descriptor) async throws -> Bool {
    try await onDisk { [self] in contains(descriptor.digest, size: descriptor.size) }
  }

  /// Bytes of the blob that an earlier attempt left behind.
  package func partialSize(_ digest: Digest) async throws -> Int64 {
    try await onDisk { [self] in
      let prefix = (try? layout.partial(digest).stat().size) ?? 0
      return max(prefix, (try? PlatformFile.allocatedSize(layout.chunks(digest))) ?? 0)
    }
  }

  /// Throws ``StoreError`` (`noSpace`) when the disk has no room for so many more bytes.
  package func ensureSpace(for bytes: Int64) async throws {
    try await onDisk { [self] in try checkSpace(for: bytes) }
  }

  /// Receives a blob: `body` appends all bytes from the writer's offset on, then they are verified and put in place.
  ///
  /// One ingest of a digest runs at a time; one that waited for another and finds the blob there does not call `body`.
  /// When `body` throws or the digest does not match, nothing appears under the blob's name. What was received is kept
  /// for the next attempt, unless it is wrong. Throws what `body` throws, ``StoreError``, `CancellationError`.
  package func withIngest(
    of digest: Digest, size: Int64, _ body: (inout BlobWriter) async throws -> Void
  ) async throws -> IngestOutcome {
    try await turns.take(digest)
    defer { turns.yield(digest) }
    if try await onDisk({ [self] in contains(digest, size: size) }) { return .alreadyPresent }
    let partial = PartialBlob(digest: digest, size: size, layout: layout, probe: probe)
    do {
      let offset = try await partial.open()
      // A partial that is whole has been verified.
      if offset < size || size == 0 {
        try await onDisk { [self] in try checkSpace(for: size - offset) }
        var writer = BlobWriter(partial, offset: offset)
        do {
          try await body(&writer)
          try await writer.flush()
        } catch {
          // Bytes that arrived in order are worth keeping.
          try? await writer.flush()
          throw error
        }
      }
      try await partial.finish()
      await partial.close()
      return .written
    } catch {
      await partial.close()
      throw error
    }
  }

  /// Puts a small blob in place. Throws ``StoreError`` (`digestMismatch`) when the bytes are not what was announced.
  package func writeBlob(_ bytes: [UInt8], as descriptor: Descriptor) async throws {
    _ = try await withIngest(of: descriptor.digest, size: descriptor.size) { writer in
      try await writer.restart()
      try await writer.append(bytes)
    }
  }

  func contains(_ digest: Digest, size: Int64) -> Bool {
    guard let status = try? layout.blob(digest).stat(followTargetSymlink: false) else { return false }
    return status.type == .regular && status.size == size && !isKnownDamaged(digest, status)
  }

  func checkSpace(for bytes: Int64) throws {
    let free = try freeSpace(layout.root)
    guard bytes > free else { return }
    throw StoreError(
      .noSpace,
      "not enough disk space in \(layout.root): \(bytes) more bytes are needed, \(free) are free; free some space and "
        + "try again (what was received is kept)")
  }
}
