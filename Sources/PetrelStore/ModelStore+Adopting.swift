// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// How a local file became a blob.
package struct Adoption: Hashable, Sendable {
  package enum Method: String, Hashable, Sendable {
    /// The blob was there already.
    case present
    /// Shares disk blocks with the file; a later write to the file does not reach it.
    case cloned
    /// Is the same file under another name.
    case linked
    case copied
  }

  package let digest: Digest
  /// Bytes.
  package let size: Int64
  package let method: Method
}

extension ModelStore {
  /// Makes a local file a blob: by a clone where the file system has clones, by a hard link where that is allowed, by a
  /// copy else. Its bytes are read once and checked; it appears under its digest when it is whole.
  ///
  /// A hard link shares its fate with the file: it is for files that nobody writes to. Its permissions stay what they
  /// are, as they are the other program's too.
  ///
  /// - Parameters:
  ///   - file: absolute; symbolic links are followed.
  ///   - expected: what the digest must be, when that is known.
  ///   - mayLink: whether a hard link will do.
  ///   - hold: keeps the blob from being removed before a model lists it.
  /// Throws ``StoreError``: `digestMismatch`, `noSpace`, `invalidFile`, `io`.
  package func adopt(
    _ file: FilePath, expecting expected: Digest? = nil, mayLink: Bool, hold: BlobHold
  ) async throws -> Adoption {
    let source = try await onDisk { try AdoptedFile(file) }
    if let expected {
      hold.insert(expected)
      if try await onDisk({ [self] in contains(expected, size: source.size) }) {
        return Adoption(digest: expected, size: source.size, method: .present)
      }
    }
    let name = temporaries.reserve(beside: layout.blobs.appending("adopted"))
    defer { withExtendedLifetime(name) {} }
    let temporary = name.path
    let method = try await onDisk { [self] in try place(source, at: temporary, mayLink: mayLink) }
    do {
      let digest = try await digest(of: source, at: temporary, method)
      guard expected == nil || digest == expected else {
        throw StoreError(
          .digestMismatch,
          "\(file) is damaged: its digest is \(digest), and it should be \(expected?.description ?? "")")
      }
      hold.insert(digest)
      try await turns.take(digest)
      defer { turns.yield(digest) }
      return try await onDisk { [self] in try settle(temporary, as: digest, source.size, method) }
    } catch {
      try? await onDisk { try PlatformFile.unlink(temporary) }
      throw error
    }
  }

  /// Puts the file's content, or room for it, under a temporary name in the store.
  private func place(_ source: AdoptedFile, at temporary: FilePath, mayLink: Bool) throws -> Adoption.Method {
    if (try? PlatformFile.clone(source.file, to: temporary)) != nil { return .cloned }
    if mayLink, (try? PlatformFile.hardLink(following: source.path, to: temporary)) != nil {
      guard let linked = try? temporary.stat(followTargetSymlink: false), source.isSameFile(as: linked) else {
        try? PlatformFile.unlink(temporary)
        throw source.changed
      }
      return .linked
    }
    let free = try freeSpace(layout.root)
    guard source.size <= free else {
      throw StoreError(
        .noSpace,
        "not enough disk space in \(layout.root) to copy \(source.path): \(source.size) bytes are needed, "
          + "\(free) are free; free some space and try again")
    }
    return .copied
  }

  /// Reads the content once: the clone's own, or the file's, which is copied on the way when there is no other way.
  private func digest(of source: AdoptedFile, at temporary: FilePath, _ method: Adoption.Method) async throws -> Digest
  {
    let hash = RunningHash()
    let copy = method == .copied ? try await onDisk { try AdoptedFile.create(temporary) } : nil
    defer { try? copy?.close() }
    let reader = method == .cloned ? try await onDisk { try AdoptedFile(temporary) } : source
    let pieces = AdoptedPieces(reader: reader, copy: copy, path: temporary)
    var offset: Int64 = 0
    var current = try await pieces.piece(at: 0)
    while !current.isEmpty {
      offset += Int64(current.count)
      let start = offset
      // While one piece is hashed, the next is read.
      async let next = pieces.piece(at: start)
      await hash.update(current)
      current = try await next
    }
    guard offset == reader.size else { throw source.changed }
    try await onDisk {
      try source.requireUnchanged()
      if let copy { try PlatformFile.sync(copy) } else { try PlatformFile.sync(reader.file) }
    }
    return await hash.digest
  }

  /// Gives the temporary file its final name, unless somebody else has brought the blob meanwhile.
  private func settle(
    _ temporary: FilePath, as digest: Digest, _ size: Int64, _ method: Adoption.Method
  ) throws -> Adoption {
    guard !contains(digest, size: size) else {
      try PlatformFile.unlink(temporary)
      return Adoption(digest: digest, size: size, method: .present)
    }
    do {
      if method != .linked { try PlatformFile.setPermissions(temporary, [.ownerRead, .groupRead, .otherRead]) }
      try PlatformFile.rename(temporary, to: layout.blob(digest))
      try Folder.sync(layout.blobs)
    } catch let error as Errno {
      throw StoreError(errno: error, "take in \(digest)")
    }
    return Adoption(digest: digest, size: size, method: method)
  }
}

/// The pieces of a file on its way into the store, each written where a copy is made.
private struct AdoptedPieces: Sendable {
  let reader: AdoptedFile
  let copy: FileDescriptor?
  let path: FilePath

  func piece(at offset: Int64) async throws -> [UInt8] {
    try Task.checkCancellation()
    return try await onDisk {
      let piece = try reader.piece(at: offset)
      if let copy { try AdoptedFile.write(piece, to: copy, at: offset, path) }
      return piece
    }
  }
}
