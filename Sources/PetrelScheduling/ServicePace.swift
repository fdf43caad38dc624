// SPDX-License-Identifier: Apache-2.0

/// How fast a runner serves requests: what it has completed in the time in which it was busy.
struct ServicePace: Sendable {
  private var completed = 0
  private var busy = Duration.zero
  private var busySince: ContinuousClock.Instant?

  mutating func begin(_ now: ContinuousClock.Instant) { busySince = now }

  mutating func count() { completed += 1 }

  mutating func pause(_ now: ContinuousClock.Instant) {
    if let busySince { busy += busySince.duration(to: now) }
    busySince = nil
  }

  /// How long so many requests may take; nil when none has been completed yet.
  func time(for requests: Int, now: ContinuousClock.Instant) -> Duration? {
    guard completed > 0 else { return nil }
    return (busy + (busySince.map { $0.duration(to: now) } ?? .zero)) * requests / completed
  }
}
