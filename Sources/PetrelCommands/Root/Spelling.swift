// SPDX-License-Identifier: Apache-2.0

/// Finds what was probably meant by a misspelt word.
enum Spelling {
  /// The candidate that is one edit away, for longer words two, or that begins with the word.
  static func closest(to word: String, among candidates: [String]) -> String? {
    guard word.count <= 32 else { return nil }
    let ranked = candidates.map { (name: $0, edits: distance(word, $0)) }.min { $0.edits < $1.edits }
    if let ranked, word.count > 1, ranked.edits <= (word.count < 6 ? 1 : 2) { return ranked.name }
    return candidates.first { word.count > 1 && $0.hasPrefix(word) }
  }

  /// The number of insertions, deletions, replacements and swaps of neighbours between two words (optimal string
  /// alignment).
  static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left), Array(right))
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        let replaced = last[column] + (left[row] == right[column] ? 0 : 1)
        var edits = min(replaced, last[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          edits = min(edits, beforeLast[column - 1] + 1)
        }
        current.append(edits)
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }
}
