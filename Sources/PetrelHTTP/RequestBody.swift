// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The body of a request as it comes in. Single pass. Bytes are read from the connection only as they are taken.
package struct RequestBody: AsyncSequence, Sendable {
  package typealias Element = ByteBuffer
  fileprivate typealias Producer = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RequestBodyDelegate
  >
  private let producer: Producer

  /// - Parameter delegate: hears when more bytes are wanted.
  static func make(delegate: RequestBodyDelegate) -> (body: RequestBody, source: RequestBodySource) {
    let strategy = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(lowWatermark: 4, highWatermark: 16)
    let pair = Producer.makeSequence(
      elementType: ByteBuffer.self, backPressureStrategy: strategy, finishOnDeinit: true, delegate: delegate)
    return (RequestBody(producer: pair.sequence), RequestBodySource(source: pair.source))
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inner: producer.makeAsyncIterator()) }

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let inner: Producer.AsyncIterator
    package mutating func next() async throws -> ByteBuffer? { try await inner.next() }
  }
}

struct RequestBodySource {
  fileprivate let source:
    NIOThrowingAsyncSequenceProducer<
      ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RequestBodyDelegate
    >.Source

  /// Whether the connection may go on reading.
  func yield(_ bytes: ByteBuffer) -> Bool {
    switch source.yield(bytes) {
    case .produceMore, .dropped: true
    case .stopProducing: false
    }
  }

  func finish() { source.finish() }
  func fail(_ error: any Error) { source.finish(error) }
}

/// Resumes reading on the event loop when the task wants more.
struct RequestBodyDelegate: NIOAsyncSequenceProducerDelegate {
  let eventLoop: any EventLoop
  let resume: @Sendable () -> Void

  func produceMore() { eventLoop.execute(resume) }
  func didTerminate() { eventLoop.execute(resume) }
}
