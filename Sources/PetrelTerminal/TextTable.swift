// SPDX-License-Identifier: Apache-2.0

/// Rows and columns without lines, as in Docker's listings: each cell is padded to its column's width and followed by two
/// blanks, but no row ends with blanks.
package struct TextTable: Sendable {
  private var rows: [[String]]

  package init(header: [String], rows: [[String]] = []) {
    self.rows = [header] + rows
  }

  package mutating func append(_ row: [String]) { rows.append(row) }

  /// Ends with a newline. The header is there even without rows.
  package func rendered() -> String {
    let cells = rows.map { $0.map { TerminalText.printable($0) } }
    let columnCount = cells.map(\.count).max() ?? 0
    let widths = (0..<columnCount).map { column in
      cells.map { column < $0.count ? DisplayWidth.of($0[column]) : 0 }.max() ?? 0
    }
    return cells.map { row in
      var line = widths.enumerated().map { column, width in
        let cell = column < row.count ? row[column] : ""
        return cell + String(repeating: " ", count: width - DisplayWidth.of(cell) + 2)
      }.joined()
      while line.hasSuffix(" ") { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
