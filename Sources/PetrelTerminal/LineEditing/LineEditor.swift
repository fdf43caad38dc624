// SPDX-License-Identifier: Apache-2.0

/// The line being edited: keys in, what to do out. Pure; ``LineReader`` draws it.
package struct LineEditor: Sendable {
  package enum Outcome: Sendable, Equatable {
    case edited
    case submitted(String)
    /// Ctrl+C.
    case interrupted
    /// Ctrl+D on an empty line.
    case ended
    /// Ctrl+L.
    case clearScreen
    /// Ctrl+Z.
    case suspend
  }

  /// The longest line that is kept, in characters; a paste cannot grow it without bound.
  package static let maximumCharacters = 1 << 20

  /// May hold newlines that came with a paste.
  package private(set) var characters: [Character] = []
  /// Index in ``characters`` before which typed text goes.
  package private(set) var cursor = 0
  private let history: [String]
  /// The entry that is shown; `history.count` is the line that was being typed.
  private var historyIndex: Int
  private var draft: [Character] = []
  private var isPasting = false

  /// - Parameter history: oldest first.
  package init(history: [String] = []) {
    self.history = history
    historyIndex = history.count
  }

  package var text: String { String(characters) }

  package mutating func handle(_ key: Key) -> Outcome {
    switch key {
    case .enter where isPasting: insert("\n")
    case .enter: return .submitted(text)
    case .tab: insert(String(repeating: " ", count: 8))
    case .text(let text): insert(text)
    case .pasteStart: isPasting = true
    case .pasteEnd: isPasting = false
    case .backspace: delete(max(0, cursor - 1)..<cursor)
    case .delete: deleteNext()
    case .control("d"):
      if characters.isEmpty { return .ended }
      deleteNext()
    case .left, .control("b"): cursor = max(0, cursor - 1)
    case .right, .control("f"): cursor = min(characters.count, cursor + 1)
    case .home, .control("a"): cursor = 0
    case .end, .control("e"): cursor = characters.count
    case .wordLeft: cursor = wordStart
    case .wordRight: cursor = wordEnd
    case .up, .control("p"): recall(historyIndex - 1)
    case .down, .control("n"): recall(historyIndex + 1)
    case .control("k"): delete(cursor..<characters.count)
    case .control("u"): delete(0..<cursor)
    case .control("w"), .deleteWordLeft: delete(wordStart..<cursor)
    case .control("c"): return .interrupted
    case .control("l"): return .clearScreen
    case .control("z"): return .suspend
    case .control: break
    }
    return .edited
  }

  private mutating func insert(_ text: String) {
    guard characters.count < Self.maximumCharacters else { return }
    // A combining mark joins the character before the cursor, so the counts need not add up.
    let before = Array(String(characters[..<cursor]) + text)
    characters.replaceSubrange(..<cursor, with: before)
    cursor = before.count
  }

  private mutating func delete(_ range: Range<Int>) {
    characters.removeSubrange(range)
    cursor = range.lowerBound
  }

  private mutating func deleteNext() {
    if cursor < characters.count { delete(cursor..<(cursor + 1)) }
  }

  private var wordStart: Int {
    var index = cursor
    while index > 0, characters[index - 1].isWhitespace { index -= 1 }
    while index > 0, !characters[index - 1].isWhitespace { index -= 1 }
    return index
  }

  private var wordEnd: Int {
    var index = cursor
    while index < characters.count, characters[index].isWhitespace { index += 1 }
    while index < characters.count, !characters[index].isWhitespace { index += 1 }
    return index
  }

  private mutating func recall(_ index: Int) {
    guard (0...history.count).contains(index) else { return }
    if historyIndex == history.count { draft = characters }
    historyIndex = index
    characters = index == history.count ? draft : Array(history[index])
    cursor = characters.count
  }
}
