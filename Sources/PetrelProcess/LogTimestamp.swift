// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The mark at the beginning of each line of a log: `[2026-03-09T12:00:00.000000000Z] `. Marks sort like their times.
package enum LogTimestamp {
  static let length = 33

  package static func now() -> String { text(Date().timeIntervalSince1970) }

  /// - Parameter seconds: since 1970, not before.
  static func text(_ seconds: Double) -> String {
    let whole = Int(seconds)
    let nanoseconds = Int((seconds - Double(whole)) * 1e9)
    let (year, month, day) = date(daysSince1970: whole / 86400)
    let time = [whole / 3600 % 24, whole / 60 % 60, whole % 60].map { padded($0, 2) }.joined(separator: ":")
    return "[\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(time).\(padded(nanoseconds, 9))Z] "
  }

  /// Whether a line begins with a mark.
  static func isMark(_ line: ArraySlice<UInt8>) -> Bool {
    line.count >= length && line.first == UInt8(ascii: "[") && line[line.startIndex + length - 2] == UInt8(ascii: "]")
  }

  /// The Gregorian date. Counts in cycles of 400 years that begin on the first of March.
  private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let cycle = shifted / 146_097
    let dayOfCycle = shifted % 146_097
    let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
