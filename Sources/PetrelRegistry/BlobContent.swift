// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Where the bytes of an upload come from.
package protocol BlobContent: Sendable {
  /// Bytes from `offset` on: at least one and at most `limit`; none at and beyond the end. Readers go forward, and step
  /// back when the registry has lost something.
  func read(from offset: Int64, upTo limit: Int) async throws -> ByteBuffer

  /// Called when all bytes have been read and before the last of them are sent; throws when they are the wrong ones.
  func verify() async throws
}

extension BlobContent {
  package func verify() async throws {}
}

/// Bytes in memory.
package struct BufferContent: BlobContent {
  private let buffer: ByteBuffer

  package init(_ buffer: ByteBuffer) { self.buffer = buffer }

  package func read(from offset: Int64, upTo limit: Int) async throws -> ByteBuffer {
    let start = min(Int(offset), buffer.readableBytes)
    let length = min(limit, buffer.readableBytes - start)
    return buffer.getSlice(at: buffer.readerIndex + start, length: length) ?? ByteBuffer()
  }
}
