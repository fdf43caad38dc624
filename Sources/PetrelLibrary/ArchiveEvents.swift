// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelPackaging

/// The events of an archive that arrives in chunks, one at a time.
struct ArchiveEvents<Chunks: AsyncSequence> where Chunks.Element == ByteBuffer {
  private var chunks: Chunks.AsyncIterator
  private var reader = ModelArchiveReader()
  private var waiting: ArraySlice<ModelArchiveReader.Event> = []

  init(_ chunks: Chunks) { self.chunks = chunks.makeAsyncIterator() }

  /// Nil when the archive has ended as it should. Throws ``PackagingError`` for one that has not.
  mutating func next() async throws -> ModelArchiveReader.Event? {
    while true {
      if let event = waiting.popFirst() { return event }
      guard let chunk = try await chunks.next() else {
        try Task.checkCancellation()
        try reader.finish()
        return nil
      }
      waiting = try reader.consume(Array(chunk.readableBytesView))[...]
    }
  }
}
