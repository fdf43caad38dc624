// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Splits a line into words as a shell does, without expanding anything.
package enum ShellWords {
  /// - Throws: ``EngineError`` with code `invalidSettings` for open quotes, and for what a shell would take for more than
  ///   words: `;`, `&`, `|`, `<`, `>`, parentheses and backquotes outside of quotes.
  package static func split(_ line: String) throws(EngineError) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in line {
      if isEscaped {
        word = (word ?? "") + String(escapes[character] ?? character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character.isWhitespace {
        if let finished = word { words.append(finished) }
        word = nil
      } else if ";&|<>()`".contains(character) {
        throw EngineError(
          .invalidSettings,
          "invalid runtime flags: invalid command line string: '\(character)' must stand in quotes")
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard quote == nil, !isEscaped else {
      throw EngineError(
        .invalidSettings, "invalid runtime flags: invalid command line string: a quote or an escape is left open")
    }
    if let word { words.append(word) }
    return words
  }

  private static let escapes: [Character: Character] = ["t": "\t", "n": "\n"]
}
