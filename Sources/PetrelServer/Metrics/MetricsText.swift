// SPDX-License-Identifier: Apache-2.0

/// Metrics in Prometheus' text format, version 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
struct MetricsText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  enum Kind: String, Sendable { case counter, gauge, histogram }

  typealias Labels = [(name: String, value: String)]

  private(set) var text = ""

  /// Begins a family; its samples must follow.
  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ name: String, _ labels: Labels = [], _ value: Double) {
    text += "\(name)\(Self.braces(labels)) \(Self.number(value))\n"
  }

  mutating func sample(_ name: String, _ labels: Labels = [], _ histogram: Histogram) {
    var count: UInt64 = 0
    for (bound, more) in zip(histogram.bounds + [.infinity], histogram.counts) {
      count += more
      let labels = labels + [("le", bound == .infinity ? "+Inf" : Self.number(bound))]
      text += "\(name)_bucket\(Self.braces(labels)) \(count)\n"
    }
    text += "\(name)_sum\(Self.braces(labels)) \(Self.number(histogram.sum))\n"
    text += "\(name)_count\(Self.braces(labels)) \(count)\n"
  }

  mutating func append(_ lines: String) { text += lines }

  static func braces(_ labels: Labels) -> String {
    labels.isEmpty ? "" : "{\(list(labels))}"
  }

  /// `a="b",c="d"`
  static func list(_ labels: Labels) -> String {
    labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
  }

  private static func escaped(_ value: String) -> String {
    guard value.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") || $0 == 0x0A }) else {
      return value
    }
    return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  /// Whole numbers without a fraction.
  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }
}
