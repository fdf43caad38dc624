// SPDX-License-Identifier: Apache-2.0

/// Where the characters of an edited line and the cursor are on a screen of a given width.
package struct LineLayout: Sendable, Equatable {
  /// Screen rows, prompts included.
  package private(set) var rows: [String]
  package private(set) var cursorRow = 0
  package private(set) var cursorColumn = 0

  /// - Parameter continuation: begins every row but the first.
  package init(prompt: String, continuation: String, characters: [Character], cursor: Int, columns: Int) {
    rows = [prompt]
    var column = DisplayWidth.of(prompt)
    let limit = max(columns, DisplayWidth.of(continuation) + 3)

    for index in 0...characters.count {
      let character = index < characters.count ? characters[index] : nil
      let width = character.map { $0 == "\n" ? 0 : DisplayWidth.of($0) } ?? 0
      // The last column stays free for the cursor: terminals differ in what they do after filling it.
      if column + max(width, 1) > limit, column > DisplayWidth.of(continuation) {
        rows.append(continuation)
        column = DisplayWidth.of(continuation)
      }
      if index == cursor {
        cursorRow = rows.count - 1
        cursorColumn = column
      }
      guard let character else { break }
      if character == "\n" {
        rows.append(continuation)
        column = DisplayWidth.of(continuation)
      } else {
        rows[rows.count - 1].append(character)
        column += width
      }
    }
  }
}
