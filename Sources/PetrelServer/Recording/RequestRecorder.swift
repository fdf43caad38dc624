// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelAPI
import PetrelHTTP
import PetrelOCI
import PetrelScheduling

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps the latest requests and their answers, in memory. The event loops only hand requests over; everything else
/// happens here.
package actor RequestRecorder {
  private static let recordsPerModel = 10
  private static let maximumModels = 64
  /// Under full load a batch this often is enough: older records are dropped all the same.
  private static let pause = Duration.milliseconds(25)
  private static let subscriberBuffer = 100

  /// A request as it is told to those who listen.
  struct Event: Sendable {
    let model: Digest
    let mode: RunnerKey
    let record: RequestRecord
  }

  nonisolated let intake = RecordIntake()
  private var records: [Digest: [Event]] = [:]
  /// Models, the one that was asked last at the end.
  private var order: [Digest] = []
  private var subscribers: [UInt64: AsyncStream<Event>.Continuation] = [:]
  private var nextSubscriber: UInt64 = 0
  private var isClosed = false

  package init() {}

  /// Starts to note a request, on its event loop; nil when more is going on than can be recorded.
  nonisolated func capture(
    _ head: RequestHead, body: ByteBuffer, model: String, key: RunnerKey
  ) -> RequestCapture? {
    guard intake.hasRoom else { return nil }
    return RequestCapture(
      CapturedRequest(
        key: key, model: model, url: head.path, userAgent: head.headers.first(name: "User-Agent"),
        origin: head.headers.first(name: "X-Request-Origin"), time: Self.now(), request: body),
      intake: intake)
  }

  private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000_000) }

  /// Records what comes in. Runs until it is cancelled or ``close()`` is called.
  package func run() async {
    for await _ in intake.signals {
      let batch = intake.takeAll()
      for request in batch { keep(Event(request)) }
      if batch.count > 1 { try? await Task.sleep(for: Self.pause) }
    }
  }

  private func keep(_ event: Event) {
    records[event.model, default: []].append(event)
    if records[event.model, default: []].count > Self.recordsPerModel { records[event.model]?.removeFirst() }
    order.removeAll { $0 == event.model }
    order.append(event.model)
    if order.count > Self.maximumModels { records[order.removeFirst()] = nil }
    for subscriber in subscribers.values { subscriber.yield(event) }
  }

  // MARK: Reading

  /// By model, the one that was asked last at the end.
  func recorded(of model: Digest?) -> [(model: Digest, events: [Event])] {
    order.filter { model == nil || $0 == model }.compactMap { id in records[id].map { (id, $0) } }
  }

  /// What is recorded from now on. Those who are too slow lose events.
  func events() -> AsyncStream<Event> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Event.self, bufferingPolicy: .bufferingNewest(Self.subscriberBuffer))
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
    intake.close()
  }
}
