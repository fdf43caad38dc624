// SPDX-License-Identifier: Apache-2.0

/// A number of bytes. Sums and differences stop at the ends of the range: sizes in files may be hostile.
package struct ByteCount: Sendable, Hashable, Comparable {
  package var bytes: Int64

  package init(_ bytes: Int64) { self.bytes = max(0, bytes) }

  /// Rounded up.
  package init(_ bytes: Double) {
    self.init(bytes < Double(Int64.max) ? Int64(max(0, bytes.rounded(.up))) : .max)
  }

  package static let zero = ByteCount(Int64(0))

  package static func mebibytes(_ count: Int64) -> ByteCount { ByteCount(count << 20) }

  package static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }

  package static func + (a: ByteCount, b: ByteCount) -> ByteCount {
    let (sum, overflow) = a.bytes.addingReportingOverflow(b.bytes)
    return ByteCount(overflow ? .max : sum)
  }

  /// `512MiB`, `24 GB`, `1.5G`, or bytes. Units without an i count in thousands, single letters in powers of 1024.
  package init?(parsing text: String) {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let number = Double(digits), number > 0 else { return nil }
    let factors: [String: Double] = [
      "": 1, "b": 1, "k": 0x1p10, "m": 0x1p20, "g": 0x1p30, "t": 0x1p40, "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30,
      "tib": 0x1p40, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    ]
    let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
    guard let factor = factors[unit] else { return nil }
    self.init(number * factor)
  }

  /// Not below zero.
  package static func - (a: ByteCount, b: ByteCount) -> ByteCount { ByteCount(a.bytes - b.bytes) }

  package static func += (a: inout ByteCount, b: ByteCount) { a = a + b }

  /// `512 KiB`, `36.4 MiB`, `7.1 GiB`.
  package var text: String {
    let units: [(shift: Int64, name: String)] = [(30, "GiB"), (20, "MiB"), (10, "KiB")]
    guard let unit = units.first(where: { bytes >= 1 << $0.shift }) else { return "\(bytes) bytes" }
    // Tenths, rounded half up, without losing digits of large numbers.
    let tenths = (bytes >> (unit.shift - 10)) * 10 + 512
    let (whole, tenth) = (tenths / 10240, tenths % 10240 / 1024)
    return tenth == 0 ? "\(whole) \(unit.name)" : "\(whole).\(tenth) \(unit.name)"
  }
}

extension Sequence<ByteCount> {
  package var total: ByteCount { reduce(.zero, +) }
}
