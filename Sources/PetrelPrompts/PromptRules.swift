// SPDX-License-Identifier: Apache-2.0

/// Which lines at the beginning of a system prompt change from request to request.
///
/// An engine reuses its work on a prompt up to the first token that differs from the last one. Coding agents begin their
/// prompts with a line that never stays the same, and so nothing of the rest is reused. Such a line is left out where it
/// says nothing to the model, or goes to the end, behind the conversation, where it costs nothing.
package struct PromptRules: Sendable, Equatable {
  /// Only so many lines are looked at: what stands further down is the prompt itself.
  static let lines = 16

  /// Beginnings of lines that are left out. Case does not matter.
  package var dropped: [String]
  /// Beginnings of lines that go behind the last message of the user.
  package var moved: [String]

  package init(dropped: [String], moved: [String]) {
    self.dropped = dropped
    self.moved = moved
  }

  /// Prompts stay as they are.
  package static let none = PromptRules(dropped: [], moved: [])

  /// A header that is for the billing of a service, and dates and times.
  package static let standard = PromptRules(
    dropped: ["x-anthropic-billing-header:"],
    moved: [
      "today's date", "today is", "current date", "the current date", "current time", "the current time",
      "current datetime", "the time is", "date:", "timestamp:",
    ])

  struct Outcome: Equatable {
    var text: String
    /// The lines that go behind the conversation, in their order.
    var moved: [String] = []
    /// `drop <beginning>` and `move <beginning>` of each rule that fitted, in the order of the lines.
    var applied: [String] = []
  }

  func apply(to prompt: String) -> Outcome {
    guard !dropped.isEmpty || !moved.isEmpty else { return Outcome(text: prompt) }
    var outcome = Outcome(text: "")
    var kept: [Substring] = []
    var rest = Substring(prompt)
    for _ in 0..<Self.lines where !rest.isEmpty {
      let lineBreak = Self.lineBreak(in: rest)
      let line = rest[..<(lineBreak?.lowerBound ?? rest.endIndex)]
      // The line break stays with what is kept.
      let whole = rest[..<(lineBreak?.upperBound ?? rest.endIndex)]
      rest = rest[whole.endIndex...]
      if let rule = Self.rule(for: line, of: dropped) {
        outcome.applied.append("drop \(rule)")
      } else if let rule = Self.rule(for: line, of: moved) {
        outcome.applied.append("move \(rule)")
        outcome.moved.append(String(line))
      } else {
        kept.append(whole)
      }
    }
    guard !outcome.applied.isEmpty else { return Outcome(text: prompt) }
    let text = kept.joined() + rest
    outcome.text = String(text.drop(while: \.isNewline))
    return outcome
  }

  /// The first line break, as `Character.isNewline` has it. Prompts are long, and bytes are read faster than characters.
  private static func lineBreak(in text: Substring) -> Range<Substring.Index>? {
    let bytes = text.utf8
    func follows(_ wanted: [UInt8], _ index: Substring.Index) -> Bool {
      bytes[index...].dropFirst().starts(with: wanted)
    }
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let length: Int =
        switch bytes[index] {
        case 0x0A, 0x0B, 0x0C: 1
        case 0x0D: follows([0x0A], index) ? 2 : 1
        // U+0085.
        case 0xC2 where follows([0x85], index): 2
        // U+2028 and U+2029.
        case 0xE2 where follows([0x80, 0xA8], index) || follows([0x80, 0xA9], index): 3
        default: 0
        }
      if length > 0 { return index..<bytes.index(index, offsetBy: length) }
      bytes.formIndex(after: &index)
    }
    return nil
  }

  private static func rule(for line: Substring, of beginnings: [String]) -> String? {
    let text = line.drop(while: \.isWhitespace)
    return beginnings.first { beginning in
      // Most lines differ in their first letter.
      guard let first = text.utf8.first, let wanted = beginning.utf8.first else { return false }
      guard first | 0x20 == wanted | 0x20 || first >= 0x80 || wanted >= 0x80 else { return false }
      let head = text.prefix(beginning.count)
      return head.count == beginning.count && head.lowercased() == beginning.lowercased()
    }
  }
}
