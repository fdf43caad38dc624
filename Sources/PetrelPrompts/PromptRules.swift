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
      let end = rest.firstIndex(where: \.isNewline)
      let line = rest[..<(end ?? rest.endIndex)]
      // The line break stays with what is kept.
      let whole = rest[..<(end.map(rest.index(after:)) ?? rest.endIndex)]
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

  private static func rule(for line: Substring, of beginnings: [String]) -> String? {
    let text = line.drop(while: \.isWhitespace)
    return beginnings.first { beginning in
      let head = text.prefix(beginning.count)
      return head.count == beginning.count && head.lowercased() == beginning.lowercased()
    }
  }
}
