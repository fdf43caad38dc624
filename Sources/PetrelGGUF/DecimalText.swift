// SPDX-License-Identifier: Apache-2.0

/// Decimal texts of floating-point numbers with a fixed number of decimals, rounded to nearest, ties to even, from the
/// number's exact value, as C's and Go's `%.<n>f` give them.
package enum DecimalText {
  /// - Parameter decimals: 1 to 9.
  package static func fixed(_ value: Double, decimals: Int) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    let sign = value.sign == .minus ? "-" : ""
    let magnitude = value.magnitude
    // From 2^53 on every number is whole.
    guard magnitude < 0x1p53 else {
      return sign + wholeDigits(magnitude) + "." + String(repeating: "0", count: decimals)
    }
    let power = (0..<decimals).reduce(UInt128(1)) { product, _ in product * 10 }
    let scaled = String(scaledAndRounded(magnitude, by: power))
    let digits = String(repeating: "0", count: max(0, decimals + 1 - scaled.count)) + scaled
    return sign + digits.dropLast(decimals) + "." + digits.suffix(decimals)
  }

  /// `value * power`, rounded to a whole number. `value` is below 2^53 and not negative.
  private static func scaledAndRounded(_ value: Double, by power: UInt128) -> UInt128 {
    guard value > 0 else { return 0 }
    // value = significand / 2^shift, exactly.
    let shift = 1074 - max(0, Int(value.exponentBitPattern) - 1)
    let significand = UInt128(value.significandBitPattern | (value.isNormal ? 1 << 52 : 0))
    let product = significand * power
    // The product has at most 53 + 30 bits: shifted any further, less than a half is left.
    guard shift < 100 else { return 0 }
    guard shift > 0 else { return product }
    let whole = product >> UInt128(shift)
    let rest = product & ((1 << UInt128(shift)) - 1)
    let half = UInt128(1) << UInt128(shift - 1)
    return rest > half || (rest == half && whole & 1 == 1) ? whole + 1 : whole
  }

  /// The digits of a whole number of any size.
  private static func wholeDigits(_ value: Double) -> String {
    if let small = UInt128(exactly: value) { return String(small) }
    // Groups of nine decimal digits, the lowest first, doubled once for each remaining power of two.
    var groups: [UInt32] = []
    var significand = UInt64(value.significandBitPattern | 1 << 52)
    while significand > 0 {
      groups.append(UInt32(significand % 1_000_000_000))
      significand /= 1_000_000_000
    }
    for _ in 0..<(Int(value.exponent) - 52) {
      var carry: UInt32 = 0
      for index in groups.indices {
        let doubled = groups[index] * 2 + carry
        groups[index] = doubled % 1_000_000_000
        carry = doubled / 1_000_000_000
      }
      if carry > 0 { groups.append(carry) }
    }
    let lower = groups.dropLast().reversed().map { group in
      let digits = String(group)
      return String(repeating: "0", count: 9 - digits.count) + digits
    }
    return String(groups.last ?? 0) + lower.joined()
  }
}
