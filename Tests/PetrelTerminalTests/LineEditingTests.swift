// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import Testing

struct KeyDecoderTests {
  private static let bytes = Array(
    "aü日\u{1F600}\r\t\u{7F}\u{1B}[A\u{1B}[1;5C\u{1B}[3~\u{1B}OH\u{1B}b\u{1B}[200~\u{1B}[99z\u{01}".utf8)
  private static let keys: [Key] = [
    .text("a"), .text("ü"), .text("日"), .text("\u{1F600}"), .enter, .tab, .backspace, .up, .wordRight, .delete, .home,
    .wordLeft, .pasteStart, .control("a"),
  ]

  @Test(arguments: 0...bytes.count)
  func decodesKeysSplitAt(index: Int) {
    var decoder = KeyDecoder()
    #expect(decoder.decode(Self.bytes[..<index]) + decoder.decode(Self.bytes[index...]) == Self.keys)
  }

  @Test func aBrokenCharacterIsDroppedAndTheNextOneKept() {
    var decoder = KeyDecoder()
    #expect(decoder.decode([0xE6, 0x97, 0x61, 0xFF, 0x62]) == [.text("a"), .text("b")])
  }

  @Test func anEndlessEscapeSequenceIsGivenUp() {
    var decoder = KeyDecoder()
    _ = decoder.decode([0x1B, 0x5B] + [UInt8](repeating: 0x31, count: 100))
    #expect(decoder.decode(Array("x".utf8)) == [.text("x")])
  }
}

struct LineEditorTests {
  private func edit(_ keys: [Key], history: [String] = []) -> LineEditor {
    var editor = LineEditor(history: history)
    for key in keys { #expect(editor.handle(key) == .edited) }
    return editor
  }

  @Test func editsInTheMiddle() {
    let editor = edit([.text("b"), .text("d"), .left, .text("c"), .home, .text("a"), .end, .text("e")])
    #expect(editor.text == "abcde")
    #expect(editor.cursor == 5)
  }

  @Test func deletesWordsAndEnds() {
    let words: [Key] = [.text("eins zwei  drei")]
    #expect(edit(words + [.control("w")]).text == "eins zwei  ")
    #expect(edit(words + [.control("w"), .control("w")]).text == "eins ")
    #expect(edit(words + [.wordLeft, .control("k")]).text == "eins zwei  ")
    #expect(edit(words + [.wordLeft, .control("u")]).text == "drei")
    #expect(edit(words + [.home, .delete, .control("d")]).text == "ns zwei  drei")
  }

  @Test func aCombiningMarkJoinsItsCharacter() {
    let editor = edit([.text("e"), .text("\u{301}"), .text("x"), .left, .backspace])
    #expect(editor.text == "x")
  }

  @Test func historyKeepsTheDraft() {
    var editor = edit([.text("dra"), .up, .up], history: ["one", "two"])
    #expect(editor.text == "one")
    _ = editor.handle(.up)
    #expect(editor.text == "one")
    for _ in 0..<3 { _ = editor.handle(.down) }
    #expect(editor.text == "dra")
  }

  @Test func aPasteMayHoldNewlines() {
    var editor = edit([.pasteStart, .text("a"), .enter, .text("b"), .pasteEnd])
    #expect(editor.handle(.enter) == .submitted("a\nb"))
  }

  @Test func controlDEndsOnlyAnEmptyLine() {
    var editor = LineEditor()
    #expect(editor.handle(.control("d")) == .ended)
    #expect(editor.handle(.text("a")) == .edited)
    #expect(editor.handle(.control("d")) == .edited)
    #expect(editor.text == "a")
    #expect(editor.handle(.control("c")) == .interrupted)
  }
}

struct LineLayoutTests {
  private func layout(_ text: String, cursor: Int, columns: Int) -> LineLayout {
    LineLayout(prompt: "> ", continuation: ". ", characters: Array(text), cursor: cursor, columns: columns)
  }

  @Test func wrapsBeforeTheLastColumnIsPassed() {
    let layout = layout("abcdefgh", cursor: 8, columns: 6)
    #expect(layout.rows == ["> abcd", ". efgh", ". "])
    #expect(layout.cursorRow == 2)
    #expect(layout.cursorColumn == 2)
  }

  @Test func wideCharactersAreNotSplit() {
    let layout = layout("日本語", cursor: 1, columns: 7)
    #expect(layout.rows == ["> 日本", ". 語"])
    #expect(layout.cursorRow == 0)
    #expect(layout.cursorColumn == 4)
  }

  @Test func newlinesBeginRows() {
    let layout = layout("a\nb", cursor: 2, columns: 80)
    #expect(layout.rows == ["> a", ". b"])
    #expect(layout.cursorRow == 1)
    #expect(layout.cursorColumn == 2)
  }
}
