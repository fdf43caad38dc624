// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Where event loops put finished requests, and the recorder takes them from. Bounded in space and in rate: to keep a
/// request costs more than to relay one, so under load requests are left out instead of held up.
final class RecordIntake: Sendable {
  private static let capacity = 64
  /// Nanoseconds; in the long run no more than one request in each is captured.
  private static let interval: UInt64 = 4_000_000
  /// Nanoseconds of the long run that a burst may use up ahead of time.
  private static let tolerance: UInt64 = 1_000_000_000

  /// When the next request would come if they came evenly (the generic cell rate algorithm); on the clock of
  /// `NIODeadline`. Written under the lock of `waiting`.
  private let evenArrival = Atomic<UInt64>(0)
  private let waiting = Mutex<[CapturedRequest]>([])
  /// Finished requests that wait, and those that are captured now.
  private let load = Atomic<Int>(0)
  let signals: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation

  init() {
    (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Whether one more request may be captured.
  var hasRoom: Bool {
    guard load.load(ordering: .relaxed) < Self.capacity else { return false }
    return evenArrival.load(ordering: .relaxed) <= NIODeadline.now().uptimeNanoseconds + Self.tolerance
  }

  func put(_ request: CapturedRequest) {
    let isFirst = waiting.withLock { waiting in
      guard waiting.count < Self.capacity else { return false }
      waiting.append(request)
      load.store(waiting.count, ordering: .relaxed)
      let next = max(evenArrival.load(ordering: .relaxed), NIODeadline.now().uptimeNanoseconds) + Self.interval
      evenArrival.store(next, ordering: .relaxed)
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
