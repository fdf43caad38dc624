// SPDX-License-Identifier: Apache-2.0

/// How far the parts of a transfer are, how fast it goes and how long it will take.
package struct TransferProgress: Sendable {
  package struct Part: Sendable, Equatable {
    package let id: String
    package let label: String
    /// Bytes.
    package var size: Int64
    package var current: Int64

    package var isComplete: Bool { size > 0 && current >= size }
  }

  private struct Sample {
    let time: Duration
    let bytes: Int64
  }

  /// Over how long the rate is measured.
  private static let rateWindow = Duration.seconds(5)

  /// In order of appearance.
  package private(set) var parts: [Part] = []
  private var indexes: [String: Int] = [:]
  private var announcedTotal: Int64 = 0
  /// Bytes moved since the start. What a part had when it first appeared came from an earlier attempt.
  private var moved: Int64 = 0
  private var samples: [Sample] = []

  package init() {}

  /// - Parameters:
  ///   - total: bytes of all parts; 0 when unknown.
  ///   - time: since any fixed moment.
  package mutating func update(
    id: String, label: String, current: Int64, size: Int64, total: Int64, at time: Duration
  ) {
    announcedTotal = max(announcedTotal, total)
    if let index = indexes[id] {
      moved += max(0, current - parts[index].current)
      // What a repeated attempt has to fetch again is not shown: progress never goes back.
      parts[index].current = max(current, parts[index].current)
      parts[index].size = max(size, parts[index].size)
    } else {
      indexes[id] = parts.count
      parts.append(Part(id: id, label: label, size: size, current: current))
    }
    samples.append(Sample(time: time, bytes: moved))
    let start = time - Self.rateWindow
    if let kept = samples.lastIndex(where: { $0.time <= start }) { samples.removeFirst(kept) }
  }

  package var current: Int64 { parts.reduce(0) { $0 + $1.current } }

  /// Bytes. Parts that have not appeared yet are counted when the sender announced a total.
  package var total: Int64 { max(announcedTotal, parts.reduce(0) { $0 + $1.size }) }

  /// Bytes per second; nil before there is something to measure.
  package var rate: Int64? {
    guard let first = samples.first, let last = samples.last else { return nil }
    let seconds = (last.time - first.time) / .seconds(1)
    guard seconds >= 0.5, last.bytes > first.bytes else { return nil }
    return Int64(Double(last.bytes - first.bytes) / seconds)
  }

  /// Nil when there is no rate or nothing left.
  package var secondsLeft: Int64? {
    guard let rate, rate > 0, total > current else { return nil }
    return (total - current + rate - 1) / rate
  }
}
