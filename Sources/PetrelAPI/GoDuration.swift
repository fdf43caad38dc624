// SPDX-License-Identifier: Apache-2.0

/// Durations as Go reads and writes them (package `time`): `300ms`, `5m`, `1h30m`, `1.5h`, `0`, with a sign or without.
package enum GoDuration {
  private static let units: [(suffix: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("\u{B5}s", 1e3), ("\u{3BC}s", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]

  /// Nil for what is no duration.
  package static func parse(_ text: String) -> Duration? {
    var rest = Substring(text)
    let isNegative = rest.hasPrefix("-")
    if isNegative || rest.hasPrefix("+") { rest.removeFirst() }
    if rest == "0" { return .zero }
    guard !rest.isEmpty else { return nil }
    var total = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      guard let value = Double(digits) else { return nil }
      rest = rest[digits.endIndex...]
      let suffix = rest.prefix { !($0.isNumber || $0 == ".") }
      guard let unit = units.first(where: { $0.suffix == suffix }) else { return nil }
      total += value * unit.nanoseconds
      rest = rest[suffix.endIndex...]
    }
    guard total < 9e18 else { return nil }
    return .nanoseconds(Int64(isNegative ? -total : total))
  }

  /// `5m0s`, `1h30m0s`, `1.5s`, `300ms`, `0s`; `-1` for every negative duration, which stands for "for ever".
  package static func format(_ duration: Duration) -> String {
    guard duration >= .zero else { return "-1" }
    guard duration != .zero else { return "0s" }
    let (seconds, attoseconds) = duration.components
    let nanoseconds = attoseconds / 1_000_000_000
    guard seconds > 0 else {
      let steps: [(unit: String, size: Int64)] = [("ms", 1_000_000), ("µs", 1000), ("ns", 1)]
      let step = steps.first { nanoseconds >= $0.size } ?? ("ns", 1)
      return decimal(nanoseconds, per: step.size) + step.unit
    }
    let hours = seconds / 3600
    let minutes = seconds / 60 % 60
    let rest = decimal(seconds % 60 * 1_000_000_000 + nanoseconds, per: 1_000_000_000) + "s"
    return (hours > 0 ? "\(hours)h" : "") + (hours > 0 || minutes > 0 ? "\(minutes)m" : "") + rest
  }

  /// `count / size` without trailing zeros.
  private static func decimal(_ count: Int64, per size: Int64) -> String {
    var fraction = String(count % size + size).dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return String(count / size) + (fraction.isEmpty ? "" : "." + fraction)
  }
}
