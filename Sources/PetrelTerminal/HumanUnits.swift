// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them.
package enum HumanUnits {
  private static let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]

  /// Decimal units, two decimals, no space: `256.35MB`, `0.00B`.
  package static func bytes(_ count: Int64) -> String {
    let (value, unit) = scaled(count)
    return fixed(value, decimals: 2) + unit
  }

  /// Decimal units, four significant digits: `12.3MB`, `256.4MB`, `999B`.
  package static func shortBytes(_ count: Int64) -> String {
    let (value, unit) = scaled(count)
    if unit == "B" { return "\(max(0, count))B" }
    return trimmed(fixed(value, decimals: value < 9.9995 ? 3 : value < 99.995 ? 2 : 1)) + unit
  }

  /// How long ago or hence, in one unit: `Less than a second`, `About a minute`, `3 weeks`.
  package static func duration(seconds: Int64) -> String {
    let minutes = seconds / 60
    let hours = (seconds + 1800) / 3600
    switch seconds {
    case ..<1: return "Less than a second"
    case 1: return "1 second"
    case ..<60: return "\(seconds) seconds"
    default: break
    }
    if minutes == 1 { return "About a minute" }
    if minutes < 60 { return "\(minutes) minutes" }
    if hours == 1 { return "About an hour" }
    if hours < 48 { return "\(hours) hours" }
    if hours < 24 * 7 * 2 { return "\(hours / 24) days" }
    if hours < 24 * 30 * 2 { return "\(hours / 24 / 7) weeks" }
    if hours < 24 * 365 * 2 { return "\(hours / 24 / 30) months" }
    return "\(seconds / 3600 / 24 / 365) years"
  }

  /// A remaining time: `12s`, `3m05s`, `2h10m`.
  package static func remaining(seconds: Int64) -> String {
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if seconds < 60 { return "\(max(0, seconds))s" }
    if seconds < 3600 { return "\(seconds / 60)m\(two(seconds % 60))s" }
    return "\(seconds / 3600)h\(two(seconds % 3600 / 60))m"
  }

  private static func scaled(_ count: Int64) -> (value: Double, unit: String) {
    var value = Double(max(0, count))
    var index = 0
    while value >= 1000, index < units.count - 1 {
      value /= 1000
      index += 1
    }
    return (value, units[index])
  }

  private static func fixed(_ value: Double, decimals: Int) -> String {
    let factor: Int64 = [1, 10, 100, 1000][decimals]
    let digits = Int64((value * Double(factor)).rounded())
    let fraction = String(digits % factor)
    return "\(digits / factor)." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }

  /// Without the zeros that end a fraction.
  private static func trimmed(_ text: String) -> String {
    var text = text
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }
}
