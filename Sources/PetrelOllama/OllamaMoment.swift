// SPDX-License-Identifier: Apache-2.0

/// One reading of the clocks.
package struct OllamaMoment: Sendable, Hashable {
  /// Nanoseconds since 1970.
  package var wall: Int64
  /// Nanoseconds of a clock that never jumps.
  package var steady: Int64

  package init(wall: Int64, steady: Int64) {
    self.wall = wall
    self.steady = steady
  }

  /// RFC 3339 in UTC with nine digits after the point: `2026-11-21T07:48:03.725050415Z`.
  package var text: String {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Days are counted in the proleptic Gregorian calendar, in eras of 400 years that begin on 1 March.
  func append(to bytes: inout [UInt8]) {
    let (seconds, nanoseconds) = Self.divided(wall, by: 1_000_000_000)
    let (days, second) = Self.divided(seconds, by: 86_400)
    let (era, dayOfEra) = Self.divided(days + 719_468, by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func number(_ value: Int64, _ digits: Int, _ mark: Unicode.Scalar) {
      let start = bytes.count
      var rest = value
      for _ in 0..<digits {
        bytes.insert(UInt8(0x30 + rest % 10), at: start)
        rest /= 10
      }
      bytes.append(UInt8(ascii: mark))
    }
    number(year, 4, "-")
    number(month, 2, "-")
    number(day, 2, "T")
    number(second / 3600, 2, ":")
    number(second / 60 % 60, 2, ":")
    number(second % 60, 2, ".")
    number(nanoseconds, 9, "Z")
  }

  /// Quotient and remainder, the remainder never negative.
  private static func divided(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
    let remainder = ((value % divisor) + divisor) % divisor
    return ((value - remainder) / divisor, remainder)
  }
}
