// SPDX-License-Identifier: Apache-2.0

/// Finds a selector such as `Q4_K_M` in the path of a weights file, as a whole word and whatever its letter case.
struct NameMatch: Hashable {
  /// What comes before the match: two files that differ only in the quantisation have the same.
  let stem: String
  /// Whether the word ends there. `Q4_K` begins `Q4_K_M`, but is another word.
  let isWhole: Bool

  /// - Parameter path: without the ending `.gguf`.
  init?(_ selector: String, in path: String) {
    let path = Array(path.lowercased().utf8)
    let word = Array(selector.lowercased().utf8)
    guard !word.isEmpty, path.count >= word.count else { return nil }
    var partial: NameMatch?
    // From the end: folders may have the same word as the file in them, and a name's last word is its quantisation.
    for start in (0...(path.count - word.count)).reversed()
    where path[start...].starts(with: word) && (start == 0 || Self.separators.contains(path[start - 1])) {
      let end = start + word.count
      let stem = String(decoding: path[..<start], as: UTF8.self)
      if end == path.count || (Self.separators.contains(path[end]) && path[end] != UInt8(ascii: "_")) {
        self.init(stem: stem, isWhole: true)
        return
      }
      if path[end] == UInt8(ascii: "_") { partial = partial ?? NameMatch(stem: stem, isWhole: false) }
    }
    guard let partial else { return nil }
    self = partial
  }

  private init(stem: String, isWhole: Bool) {
    self.stem = stem
    self.isWhole = isWhole
  }

  private static let separators = Array("-._/".utf8)

  /// The quantisation in a path or a selector, such as `Q4_K_M`, `IQ2_XXS`, `BF16`, `UD-Q4_K_XL` (without `UD-`).
  static func quantization(in text: String) -> String? {
    let pattern =
      /(?:^|[-._\/])((?:I?Q[1-8]_(?:K_[A-Z]+|K|[0-9](?:_[0-9])*|[A-Z]+)|I?Q[1-8]|TQ[12]_0|MXFP4(?:_MOE)?|BF16|FP?16|FP?32))(?=$|[-._\/])/
      .ignoresCase()
    return text.matches(of: pattern).last.map { $0.1.uppercased() }
  }
}
