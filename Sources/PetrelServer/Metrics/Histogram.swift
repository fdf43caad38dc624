// SPDX-License-Identifier: Apache-2.0

/// Observations counted in fixed buckets.
struct Histogram: Sendable {
  /// Upper bounds of the buckets, ascending; one more bucket takes the rest.
  struct Buckets: Sendable {
    let bounds: [Double]

    /// Those that OpenTelemetry's conventions for generative AI give for durations. Seconds.
    static let duration = Buckets(
      bounds: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92])
    static let firstToken = Buckets(
      bounds: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0])
    /// Beginning earlier than the conventions do: small models are faster than that.
    static let outputToken = Buckets(
      bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5])
    static let tokens = Buckets(
      bounds: [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864])
    /// Loading takes from a moment to minutes. Seconds.
    static let load = Buckets(bounds: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600])
  }

  let bounds: [Double]
  /// One for each bound, and one for what is above; not cumulative.
  private(set) var counts: [UInt64]
  private(set) var sum = 0.0

  init(_ buckets: Buckets) {
    bounds = buckets.bounds
    counts = Array(repeating: 0, count: buckets.bounds.count + 1)
  }

  var count: UInt64 { counts.reduce(0, +) }

  mutating func observe(_ value: Double) {
    var index = 0
    while index < bounds.count, value > bounds[index] { index += 1 }
    counts[index] += 1
    sum += value
  }

  /// Adds what another histogram with the same buckets has counted.
  mutating func add(_ other: Histogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    sum += other.sum
  }
}
