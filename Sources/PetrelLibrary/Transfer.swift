// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import Synchronization

/// A pull or push at work: a task of its own, which lives for as long as somebody listens.
final class Transfer: Sendable {
  let feed: ProgressFeed
  private let work = Work()

  /// Lets the feed cancel a task that is made after it.
  private final class Work: Sendable {
    let task = Mutex<Task<Void, Never>?>(nil)
    func cancel() { task.withLock { $0 }?.cancel() }
  }

  init(mode: ProgressLine.Mode) {
    feed = ProgressFeed(mode: mode) { [work] in work.cancel() }
  }

  /// To be called once, when the first listener is there.
  ///
  /// - Parameter operation: returns the text of the success line.
  func begin(
    _ operation: @escaping @Sendable (ProgressFeed) async throws -> String, onEnd: @escaping @Sendable () async -> Void
  ) {
    // Cancelled when the last listener leaves; awaited by `stop`.
    let task = Task { [feed] in
      do {
        let message = try await operation(feed)
        feed.finish(.success(message))
      } catch {
        feed.finish(.failure(LibraryError(error)))
      }
      await onEnd()
    }
    work.task.withLock { $0 = task }
  }

  /// Asks the transfer to end.
  func cancel() { work.cancel() }

  /// Cancels the work and waits until it has let everything go.
  func stop() async {
    work.cancel()
    await work.task.withLock { $0 }?.value
  }
}
