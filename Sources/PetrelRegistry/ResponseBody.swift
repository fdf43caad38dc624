// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelOCI

/// The chunks of a response as they arrive. Reading slowly slows the server down; a reader that stops closes the
/// connection. Can be iterated once.
package struct ResponseBody: AsyncSequence, Sendable {
  package typealias Element = ByteBuffer

  typealias Producer = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, ResponseReceiver
  >

  private let chunks: Producer
  /// What was asked for, for messages.
  private let subject: String
  /// Bytes that must come, neither fewer nor more; nil when unknown.
  private let expectedLength: Int64?

  init(chunks: Producer, subject: String, expectedLength: Int64?) {
    self.chunks = chunks
    self.subject = subject
    self.expectedLength = expectedLength
  }

  /// The same body, required to have exactly `length` bytes.
  func expecting(_ length: Int64) -> ResponseBody {
    ResponseBody(chunks: chunks, subject: subject, expectedLength: length)
  }

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(chunks: chunks.makeAsyncIterator(), subject: subject, expectedLength: expectedLength)
  }

  package struct AsyncIterator: AsyncIteratorProtocol {
    private let chunks: Producer.AsyncIterator
    private let subject: String
    private let expectedLength: Int64?
    private var received: Int64 = 0

    fileprivate init(chunks: Producer.AsyncIterator, subject: String, expectedLength: Int64?) {
      self.chunks = chunks
      self.subject = subject
      self.expectedLength = expectedLength
    }

    /// Throws ``RegistryError`` (`truncated`, `stalled`, `connection`, `tooLarge`) or `CancellationError`.
    package mutating func next() async throws -> ByteBuffer? {
      guard let chunk = try await chunks.next() else {
        try Task.checkCancellation()
        if let expectedLength, received < expectedLength {
          throw RegistryError(.truncated, "\(subject) ended after \(received) of \(expectedLength) bytes")
        }
        return nil
      }
      received += Int64(chunk.readableBytes)
      if let expectedLength, received > expectedLength {
        throw RegistryError(.tooLarge, "\(subject) is longer than the \(expectedLength) bytes that were announced")
      }
      return chunk
    }
  }

  /// All bytes, when there are at most `limit`.
  func collect(upTo limit: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await chunk in self {
      guard bytes.count + chunk.readableBytes <= limit else {
        throw RegistryError(.tooLarge, "\(subject) is larger than \(limit) bytes")
      }
      bytes.append(contentsOf: chunk.readableBytesView)
    }
    return bytes
  }

  /// Reads a body that nobody wants, so that the connection can be used again. A long one is cut off.
  func discard() async {
    _ = try? await collect(upTo: 64 * 1024)
  }
}
