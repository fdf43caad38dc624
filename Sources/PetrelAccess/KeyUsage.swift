// SPDX-License-Identifier: Apache-2.0

/// What a key is doing, against its limits.
struct KeyUsage: Sendable {
  var running = 0
  /// Requests that may come now, and when that was so; nil before the first.
  private var credit: (requests: Double, at: Double)?

  /// Takes one request off a credit that grows by `perMinute` each minute, up to that number.
  ///
  /// - Returns: nil, or the seconds until there is credit again.
  mutating func take(perMinute rate: Int, at time: Double) -> Int? {
    // The file of keys may have been edited.
    guard rate > 0 else { return 60 }
    let most = Double(rate)
    let perSecond = most / 60
    let before = credit ?? (most, time)
    let now = min(most, before.requests + max(0, time - before.at) * perSecond)
    guard now >= 1 else {
      credit = (now, time)
      return max(1, Int(((1 - now) / perSecond).rounded(.up)))
    }
    credit = (now - 1, time)
    return nil
  }
}
