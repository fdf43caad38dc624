// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SystemPackage

/// A file's bytes from start to end.
struct FileChunks: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  fileprivate static let chunkSize = 256 * 1024

  /// Closes the file with the last reference.
  fileprivate final class OpenFile: Sendable {
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

  fileprivate let file: OpenFile

  init(_ path: FilePath) throws { file = try OpenFile(path) }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(file: file) }

  struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let file: OpenFile
    fileprivate var offset: Int64 = 0

    fileprivate init(file: OpenFile) { self.file = file }

    mutating func next() async throws -> ByteBuffer? {
      try Task.checkCancellation()
      var buffer = ByteBufferAllocator().buffer(capacity: FileChunks.chunkSize)
      let count = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: FileChunks.chunkSize) { space in
        try file.descriptor.read(fromAbsoluteOffset: offset, into: .init(rebasing: space[..<FileChunks.chunkSize]))
      }
      offset += Int64(count)
      return count > 0 ? buffer : nil
    }
  }
}
