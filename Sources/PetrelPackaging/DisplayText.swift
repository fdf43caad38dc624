// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF

/// Numbers for people, as configs of safetensors and DDUF models have them: base 1000, always two decimals.
enum DisplayText {
  /// `6.00`, `134.52M`.
  static func parameters(_ count: UInt64) -> String {
    scaled(Double(count), units: ["", "K", "M", "B", "T"])
  }

  /// `289.00B`, `1.50kB`; `n/a` for nothing.
  static func size(_ bytes: Int64) -> String {
    bytes > 0 ? scaled(Double(bytes), units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"]) : "n/a"
  }

  private static func scaled(_ value: Double, units: [String]) -> String {
    var value = value
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return DecimalText.fixed(value, decimals: 2) + units[unit]
  }
}
