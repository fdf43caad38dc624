// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelOCI
import PetrelRecords
import PetrelScheduling

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Records requests and their answers. The event loops only hand requests over; everything else happens here and in
/// the store.
package actor RequestRecorder {
  /// As the reference has it: so many of each model are given when nobody asks for more.
  static let recordsPerModel = 10
  /// Between two batches. What comes meanwhile is written in one transaction.
  private static let pause = Duration.milliseconds(25)
  private static let longestPause = Duration.seconds(1)
  /// Under full load, recording may take this part of a processor: one in so many.
  private static let share = 20
  private static let subscriberBuffer = 100

  nonisolated let intake = RecordIntake()
  private nonisolated let policy: RecordingPolicy
  private let store: RecordStore
  private var subscribers: [UInt64: AsyncStream<StoredRecord>.Continuation] = [:]
  private var nextSubscriber: UInt64 = 0
  private var isClosed = false
  /// The batch before the next one: they reach the store in order, and whoever reads finds all that came before.
  private var writing: Task<Int, Never>?

  package init(store: RecordStore, policy: RecordingPolicy = RecordingPolicy()) {
    self.store = store
    self.policy = policy
  }

  /// Starts to note a request, on its event loop; nil when it is not to be recorded, or when more is going on than can
  /// be.
  nonisolated func capture(
    _ head: RequestHead, body: ByteBuffer, model: String, key: RunnerKey
  ) -> RequestCapture? {
    guard policy.scope != .off, intake.hasRoom else { return nil }
    let keepsBodies = policy.scope == .all
    return RequestCapture(
      CapturedRequest(
        key: key, model: model, url: head.path, userAgent: head.headers.first(name: "User-Agent"),
        origin: head.headers.first(name: "X-Request-Origin"), time: Self.now(),
        request: keepsBodies ? body : ByteBuffer(), keepsBodies: keepsBodies),
      intake: intake)
  }

  private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000_000) }

  /// Records what comes in. Runs until it is cancelled or ``shutDown()`` is called.
  package func run() async {
    for await _ in intake.signals {
      let began = ContinuousClock.now
      let count = await flush()
      // A single request is there at once; under load batches grow, and more than the intake holds passes unrecorded.
      let wait = min(max(Self.pause, began.duration(to: .now) * Self.share), Self.longestPause)
      if count > 1 { try? await Task.sleep(for: wait) }
    }
  }

  /// Records what has been answered by now.
  @discardableResult
  private func flush() async -> Int {
    // Ends with the write; awaited here.
    let task = Task { [before = writing] in
      _ = await before?.value
      return await write()
    }
    writing = task
    return await task.value
  }

  private func write() async -> Int {
    let batch = intake.takeAll().map { StoredRecord($0, policy: policy) }
    await store.append(batch)
    for record in batch { for subscriber in subscribers.values { subscriber.yield(record) } }
    return batch.count
  }

  // MARK: Reading

  /// The models with records, the one that was asked last at the end.
  func models() async -> [Digest] {
    await flush()
    return await store.models()
  }

  /// The latest records of a model, the last one at the end.
  func latest(_ count: Int = recordsPerModel, of model: Digest) async -> [StoredRecord] {
    await flush()
    return await store.latest(count, of: model)
  }

  /// What is recorded from now on. Those who are too slow lose events.
  func events() -> AsyncStream<StoredRecord> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: StoredRecord.self, bufferingPolicy: .bufferingNewest(Self.subscriberBuffer))
    guard !isClosed else {
      continuation.finish()
      return stream
    }
    nextSubscriber += 1
    let id = nextSubscriber
    subscribers[id] = continuation
    // Ends at once.
    continuation.onTermination = { _ in Task { await self.unsubscribe(id) } }
    return stream
  }

  private func unsubscribe(_ id: UInt64) { subscribers[id] = nil }

  /// Ends all streams of events: the daemon is about to end.
  package func close() {
    isClosed = true
    for subscriber in subscribers.values { subscriber.finish() }
  }

  /// Records what is left. Nothing is answered any more.
  package func shutDown() async {
    close()
    intake.close()
    await flush()
    await store.close()
  }
}
