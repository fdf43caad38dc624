// SPDX-License-Identifier: Apache-2.0

import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A table of the documents that says of each field what becomes of it.
struct DocumentTable: Sendable {
  struct Row: Sendable {
    /// What stands between backticks in the first cell.
    let names: [String]
    let state: String
    /// What stands between backticks in any cell: examples too.
    let mentioned: [String]
  }

  let rows: [Row]

  /// - Parameters:
  ///   - document: `openai.md`, in `docs`.
  ///   - heading: the line above the table, without marks.
  ///   - number: which table under this heading, from 0.
  init(_ document: String, _ heading: String, number: Int = 0) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs").standardized
    let text = try String(contentsOf: folder.appending(path: document), encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(
      lines.firstIndex { $0.hasPrefix("#") && $0.drop { $0 == "#" || $0 == " " } == heading }, "\(heading)")
    let section = lines[(start + 1)...].prefix { !$0.hasPrefix("#") }
    let tables = section.split { !$0.hasPrefix("|") }
    try #require(tables.count > number, "a table under \(heading)")
    // The names of the columns, and the line below them.
    rows = tables[number].dropFirst(2).map { line in
      let cells = line.split(separator: "|").map { $0.trimming(" ") }
      return Row(
        names: Self.code(cells[0]), state: cells.count > 1 ? String(cells[1]) : "", mentioned: Self.code(line[...]))
    }
    try #require(!rows.isEmpty)
  }

  private static func code(_ cell: Substring) -> [String] {
    let pieces = cell.split(separator: "`", omittingEmptySubsequences: false)
    return pieces.indices.filter { $0 % 2 == 1 }.map { String(pieces[$0]) }
  }
}

extension Substring {
  fileprivate func trimming(_ character: Character) -> Substring {
    let start = drop { $0 == character }
    return start.lastIndex { $0 != character }.map { start[...$0] } ?? ""
  }
}
