// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A moment with nanoseconds, as files have it.
struct Timestamp: Hashable, Comparable, Sendable {
  /// Since 1970, rounded down.
  let seconds: Int64
  /// 0 to 999 999 999.
  let nanoseconds: Int64

  init(seconds: Int64, nanoseconds: Int64) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Rounds to microseconds: a `Date` of our days holds no more.
  init(_ date: Date) {
    let microseconds = Int64((date.timeIntervalSince1970 * 1_000_000).rounded())
    let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    self.init(seconds: rest < 0 ? seconds - 1 : seconds, nanoseconds: (rest < 0 ? rest + 1_000_000 : rest) * 1000)
  }

  static func < (left: Timestamp, right: Timestamp) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  /// RFC 3339 in UTC. The fraction of a second has as many digits as it needs: `2025-01-02T03:04:05.25Z`.
  var text: String {
    let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    guard nanoseconds > 0 else { return whole }
    var fraction = String(String(1_000_000_000 + nanoseconds).dropFirst())
    while fraction.last == "0" { fraction.removeLast() }
    return whole.dropLast() + "." + fraction + "Z"
  }
}
