// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where event loops put finished requests, and the recorder takes them from. Bounded: under more load than the recorder
/// keeps up with, requests are left out instead of held up.
final class RecordIntake: Sendable {
  private static let capacity = 64

  private let waiting = Mutex<[CapturedRequest]>([])
  /// Finished requests that wait, and those that are captured now.
  private let load = Atomic<Int>(0)
  let signals: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation

  init() {
    (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Whether one more request may be captured.
  var hasRoom: Bool { load.load(ordering: .relaxed) < Self.capacity }

  func put(_ request: CapturedRequest) {
    let isFirst = waiting.withLock { waiting in
      guard waiting.count < Self.capacity else { return false }
      waiting.append(request)
      load.store(waiting.count, ordering: .relaxed)
      return waiting.count == 1
    }
    if isFirst { signal.yield() }
  }

  func takeAll() -> [CapturedRequest] {
    waiting.withLock { waiting in
      defer {
        waiting = []
        load.store(0, ordering: .relaxed)
      }
      return waiting
    }
  }

  func close() { signal.finish() }
}
