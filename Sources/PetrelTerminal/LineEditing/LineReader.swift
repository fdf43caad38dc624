// SPDX-License-Identifier: Apache-2.0

/// Reads one line from a terminal with editing and history. The terminal is raw only during ``read``.
package struct LineReader: Sendable {
  package enum Result: Sendable, Equatable {
    case line(String)
    case interrupted
    case ended
  }

  private let input: TextInput
  private let output: TextOutput
  private let mode: TerminalModeSwitch
  private var decoder = KeyDecoder()
  /// Typed ahead: keys after the one that ended the previous line.
  private var pending: [Key] = []

  package init(input: TextInput, output: TextOutput, mode: TerminalModeSwitch) {
    self.input = input
    self.output = output
    self.mode = mode
  }

  /// - Parameters:
  ///   - continuation: begins the rows after the first.
  ///   - placeholder: shown while the line is empty.
  ///   - history: oldest first.
  package mutating func read(
    prompt: String, continuation: String, placeholder: String, history: [String]
  ) async throws -> Result {
    try mode.enter()
    defer { mode.leave() }
    try output.write(Self.pasteOn)
    defer { try? output.write(Self.pasteOff) }

    var drawing = Drawing(output: output, prompt: prompt, continuation: continuation, placeholder: placeholder)
    var editor = LineEditor(history: history)
    while true {
      while !pending.isEmpty {
        switch editor.handle(pending.removeFirst()) {
        case .edited:
          break
        case .submitted(let text):
          try drawing.finish(editor)
          return .line(text)
        case .interrupted:
          try drawing.finish(editor)
          return .interrupted
        case .ended:
          try drawing.finish(editor)
          return .ended
        case .clearScreen:
          try drawing.clearScreen()
        case .suspend:
          try drawing.finish(editor)
          mode.leave()
          TerminalDevice.suspendJob()
          try mode.enter()
        }
      }
      try drawing.draw(editor)
      let bytes = try await input.read(upTo: 4096)
      if bytes.isEmpty {
        try drawing.finish(editor)
        return .ended
      }
      pending = decoder.decode(bytes)
    }
  }

  private static let pasteOn = "\u{1B}[?2004h"
  private static let pasteOff = "\u{1B}[?2004l"
}

/// The rows on screen, to be overdrawn by the next draw.
private struct Drawing {
  let output: TextOutput
  let prompt: String
  let continuation: String
  let placeholder: String
  private var cursorRow = 0

  init(output: TextOutput, prompt: String, continuation: String, placeholder: String) {
    self.output = output
    self.prompt = prompt
    self.continuation = continuation
    self.placeholder = placeholder
  }

  mutating func draw(_ editor: LineEditor) throws {
    let layout = layout(editor, cursor: editor.cursor)
    var text = toFirstRow() + "\r\u{1B}[J" + layout.rows.map { TerminalText.printable($0) }.joined(separator: "\n\r")
    if editor.characters.isEmpty {
      text += output.styled(
        DisplayWidth.truncate(placeholder, to: output.size.columns - DisplayWidth.of(prompt) - 1), .placeholder)
    }
    let rowsUp = layout.rows.count - 1 - layout.cursorRow
    if rowsUp > 0 { text += "\u{1B}[\(rowsUp)A" }
    text += "\r"
    if layout.cursorColumn > 0 { text += "\u{1B}[\(layout.cursorColumn)C" }
    cursorRow = layout.cursorRow
    try output.write(text)
  }

  /// Leaves the line as it is and goes below it.
  mutating func finish(_ editor: LineEditor) throws {
    let layout = layout(editor, cursor: editor.characters.count)
    try output.write(
      toFirstRow() + "\r\u{1B}[J" + layout.rows.map { TerminalText.printable($0) }.joined(separator: "\n\r") + "\n\r")
    cursorRow = 0
  }

  mutating func clearScreen() throws {
    try output.write("\u{1B}[H\u{1B}[2J")
    cursorRow = 0
  }

  private func toFirstRow() -> String { cursorRow > 0 ? "\u{1B}[\(cursorRow)A" : "" }

  private func layout(_ editor: LineEditor, cursor: Int) -> LineLayout {
    LineLayout(
      prompt: prompt, continuation: continuation, characters: editor.characters, cursor: cursor,
      columns: output.size.columns)
  }
}
