// SPDX-License-Identifier: Apache-2.0

/// Finds what was probably meant by a misspelt word.
enum Spelling {
  /// The candidate that is at most two edits away, or begins with the word.
  static func closest(to word: String, among candidates: [String]) -> String? {
    guard word.count <= 32 else { return nil }
    let ranked = candidates.map { (name: $0, edits: distance(word, $0)) }.min { $0.edits < $1.edits }
    if let ranked, ranked.edits <= min(2, word.count / 2) { return ranked.name }
    return candidates.first { word.count > 1 && $0.hasPrefix(word) }
  }

  /// The number of insertions, deletions and replacements between two words (Levenshtein).
  static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let replaced = diagonal + (character == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
      }
    }
    return row[right.count]
  }
}
