// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

extension ModelStore {
  /// Bytes of the blob; nil when it is not there.
  package func blobSize(_ digest: Digest) async throws -> Int64? {
    try await onDisk { [self] in
      guard let size = (try? layout.blob(digest).stat(followTargetSymlink: false))?.size else { return nil }
      return contains(digest, size: size) ? size : nil
    }
  }

  /// Receives a blob of which nobody has said how long it is. It appears when all of it is there and is what its digest
  /// says.
  ///
  /// Throws ``StoreError`` (`digestMismatch`, `noSpace`, `io`), and what the body throws.
  package func receive<Body: AsyncSequence>(
    _ digest: Digest, from body: Body
  ) async throws -> IngestOutcome where Body.Element == [UInt8] {
    try await turns.take(digest)
    defer { turns.yield(digest) }
    if try await blobSize(digest) != nil {
      // The sender sees the answer only when somebody has taken what he sends.
      for try await _ in body {}
      return .alreadyPresent
    }
    let temporary = StoreLayout.temporary(beside: layout.blob(digest))
    let file = try await onDisk { try AdoptedFile.create(temporary) }
    do {
      do {
        try await fill(file, at: temporary, from: body, digest)
        try await onDisk { try PlatformFile.sync(file) }
      } catch {
        try? file.close()
        throw error
      }
      // Closed once: by a second time the number may be that of somebody else's file.
      try await onDisk { [self] in
        try file.close()
        try PlatformFile.setPermissions(temporary, .readableByAll)
        try PlatformFile.rename(temporary, to: layout.blob(digest))
        try Folder.sync(layout.blobs)
      }
      return .written
    } catch {
      try? await onDisk { try PlatformFile.unlink(temporary) }
      if let error = error as? Errno { throw StoreError(errno: error, "write \(temporary)") }
      throw error
    }
  }

  private func fill<Body: AsyncSequence>(
    _ file: FileDescriptor, at path: FilePath, from body: Body, _ digest: Digest
  ) async throws where Body.Element == [UInt8] {
    let hash = RunningHash()
    var offset: Int64 = 0
    for try await piece in body where !piece.isEmpty {
      let position = offset
      try await onDisk { try AdoptedFile.write(piece, to: file, at: position, path) }
      await hash.update(piece)
      offset += Int64(piece.count)
    }
    let received = await hash.digest
    guard received == digest else {
      throw StoreError(.digestMismatch, "what was sent has the digest \(received), and not \(digest)")
    }
  }

  /// Runs `body` with a folder that has blobs and texts under names of their own, on the file system of the store.
  package func withWorkspace<Result: Sendable>(
    blobs: [String: Digest], texts: [String: [UInt8]], _ body: (FilePath) async throws -> Result
  ) async throws -> Result {
    let folder = StoreLayout.temporary(beside: layout.root.appending("workspace"))
    do {
      try await onDisk { [self] in
        try PlatformFile.makeFolder(folder)
        for (name, digest) in blobs { try PlatformFile.hardLink(layout.blob(digest), to: folder.appending(name)) }
        for (name, bytes) in texts {
          let path = folder.appending(name)
          let file = try AdoptedFile.create(path)
          try file.closeAfterwards { file in try AdoptedFile.write(bytes, to: file, at: 0, path) }
        }
      }
      let result = try await body(folder)
      await removeWorkspace(folder, Array(blobs.keys) + Array(texts.keys))
      return result
    } catch {
      await removeWorkspace(folder, Array(blobs.keys) + Array(texts.keys))
      if let error = error as? Errno { throw StoreError(errno: error, "prepare files in \(folder)") }
      throw error
    }
  }

  private func removeWorkspace(_ folder: FilePath, _ names: [String]) async {
    try? await onDisk {
      for name in names { try? PlatformFile.unlink(folder.appending(name)) }
      try PlatformFile.removeFolder(folder)
    }
  }
}
