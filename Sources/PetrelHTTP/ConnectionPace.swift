// SPDX-License-Identifier: Apache-2.0

/// Finds clients that hold a connection without getting on. Somebody looks in equal intervals; in between only counters
/// go up, so that a request costs nothing more.
struct ConnectionPace {
  enum Phase: Equatable {
    case idle, receiving, answering
  }

  enum Verdict: Equatable {
    case fine
    /// The body comes too slowly.
    case tooSlow
    /// Nobody seems to be there.
    case abandoned
  }

  private let limits: ConnectionLimits
  private var phase = Phase.idle
  private var hasServed = false
  /// Looks since something has changed.
  private var quiet = 0
  private var bytes = 0
  private var hasMoved = false

  init(_ limits: ConnectionLimits) { self.limits = limits }

  mutating func receivedHead() {
    hasMoved = true
    hasServed = true
  }

  mutating func received(bytes count: Int) { bytes += count }

  /// The client has taken some of its answer.
  mutating func taken() { hasMoved = true }

  /// - Parameters:
  ///   - isWaiting: whether it is this side that reads no further.
  ///   - isWritable: whether the client has room for more of its answer.
  mutating func look(_ phase: Phase, isWaiting: Bool, isWritable: Bool) -> Verdict {
    quiet = phase == self.phase && !hasMoved ? quiet + 1 : 0
    let bytes = bytes
    (self.phase, self.bytes, hasMoved) = (phase, 0, false)
    switch phase {
    case .idle: return quiet >= (hasServed ? limits.idleLooks : limits.headLooks) ? .abandoned : .fine
    case .receiving: return quiet >= 1 && !isWaiting && bytes < limits.leastBytes ? .tooSlow : .fine
    case .answering:
      if isWritable { quiet = 0 }
      return quiet >= limits.stalledLooks ? .abandoned : .fine
    }
  }
}
