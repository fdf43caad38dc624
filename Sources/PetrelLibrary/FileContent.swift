// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelRegistry
import SystemPackage

/// A file's bytes, for an upload.
struct FileContent: BlobContent {
  /// Closes the file with the last reference.
  private final class OpenFile: Sendable {
    let descriptor: SystemPackage.FileDescriptor

    init(_ path: FilePath) throws {
      do {
        descriptor = try SystemPackage.FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      } catch {
        throw LibraryError(.failed, "cannot read \(path): \(error)")
      }
    }

    deinit { try? descriptor.close() }
  }

  private let file: OpenFile

  init(_ path: FilePath) throws { file = try OpenFile(path) }

  func read(from offset: Int64, upTo limit: Int) async throws -> ByteBuffer {
    try Task.checkCancellation()
    var buffer = ByteBufferAllocator().buffer(capacity: limit)
    _ = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { space in
      try file.descriptor.read(fromAbsoluteOffset: offset, into: .init(rebasing: space[..<limit]))
    }
    return buffer
  }
}
