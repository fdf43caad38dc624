// SPDX-License-Identifier: Apache-2.0

import PetrelAPI

/// The progress lines of one transfer, as one listener sees them. The last line is a success or an error.
///
/// To be iterated once, by one task. Letting the stream go is how a listener leaves; when the last one leaves before
/// the end, the transfer is cancelled, and what it has received is kept for the next attempt.
package final class ProgressStream: AsyncSequence, Sendable {
  package typealias Element = ProgressLine
  package typealias Failure = Never

  private let feed: ProgressFeed
  private let listener: UInt64

  /// Nil when the feed takes no more listeners.
  init?(_ feed: ProgressFeed) {
    guard let listener = feed.subscribe() else { return nil }
    self.feed = feed
    self.listener = listener
  }

  deinit { feed.leave(listener) }

  /// The error behind the last line, once that has come.
  package var failure: LibraryError? { feed.failure }

  func waitForStart() async throws { try await feed.waitForStart(listener) }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: self) }

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let stream: ProgressStream

    /// Nil after the last line, and when the task is cancelled.
    package mutating func next() async -> ProgressLine? { await stream.feed.next(stream.listener) }

    package mutating func next(isolation actor: isolated (any Actor)?) async -> ProgressLine? {
      await stream.feed.next(stream.listener)
    }
  }
}
