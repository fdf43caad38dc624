// SPDX-License-Identifier: Apache-2.0

/// How many terminal columns text occupies.
package enum DisplayWidth {
  package static func of(_ text: some StringProtocol) -> Int {
    text.reduce(0) { $0 + of($1) }
  }

  /// 0 for a lone combining mark, 2 for East Asian wide characters and emoji, else 1.
  package static func of(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    if scalar.isASCII { return 1 }
    let properties = scalar.properties
    if properties.generalCategory == .nonspacingMark || properties.generalCategory == .enclosingMark { return 0 }
    if properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
    return wideRanges.contains { $0.contains(scalar.value) } ? 2 : 1
  }

  /// Cuts `text` so that it fits; a cut is shown by an ellipsis.
  package static func truncate(_ text: String, to columns: Int) -> String {
    guard of(text) > columns else { return text }
    var used = 0
    let kept = text.prefix {
      used += of($0)
      return used < columns
    }
    return columns > 0 ? kept + "…" : ""
  }

  /// The blocks of Unicode's EastAsianWidth.txt whose characters are wide.
  private static let wideRanges: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
    0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
    0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
  ]
}

/// Text from strangers, made safe to show: control characters could move the cursor or change the terminal.
package enum TerminalText {
  /// Keeps newlines and tabs only when asked to.
  package static func printable(_ text: String, keepingLayout: Bool = false) -> String {
    guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if !isControl(scalar) || (keepingLayout && (scalar == "\n" || scalar == "\t")) {
        result.unicodeScalars.append(scalar)
      } else if !keepingLayout {
        result += scalar.escaped(asASCII: true)
      }
    }
    return result
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
  }
}
