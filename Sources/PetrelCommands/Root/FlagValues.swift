// SPDX-License-Identifier: Apache-2.0

/// Flags with a value in the same word, `--force=true` and `--think=false`, as Docker's command line takes them. The
/// argument parser knows flags without values only.
enum FlagValues {
  /// Flags that have a `--no-` form.
  static let invertible: Set<String> = ["auth", "preload", "think"]

  /// All other flags of all commands. None of these names is an option with a value anywhere.
  static let plain: Set<String> = [
    "all", "debug", "detach", "do-not-track", "dry-run", "follow", "force", "from-source", "images", "include-existing",
    "json", "link", "models", "no-engines", "openai", "print-path", "push", "quiet", "remote", "remove-broken",
    "repair",
    "reset", "sign", "tls", "verify", "when-idle",
  ]

  /// Options whose value may begin with dashes, so that the word after them is no flag.
  private static let optionsWithAnyValue: Set<String> = ["--runtime-flag"]

  /// `words` with flags in the form that the parser reads; those that are false and have no `--no-` form are left out.
  ///
  /// - Throws: ``CommandError`` for a value that is neither true nor false.
  static func normalized(_ words: [String]) throws(CommandError) -> [String] {
    var result: [String] = []
    var isValue = false
    for (index, word) in words.enumerated() {
      if word == "--" { return result + words[index...] }
      if isValue {
        result.append(word)
        isValue = false
        continue
      }
      isValue = optionsWithAnyValue.contains(word)
      result += try normalized(word)
    }
    return result
  }

  private static func normalized(_ word: String) throws(CommandError) -> [String] {
    guard word.hasPrefix("--"), let equals = word.firstIndex(of: "=") else { return [word] }
    let flag = String(word[..<equals])
    let name = String(flag.dropFirst(2))
    let positive = name.hasPrefix("no-") ? String(name.dropFirst(3)) : name
    let isInvertible = invertible.contains(positive)
    guard isInvertible || plain.contains(name) else { return [word] }
    guard let value = boolean(word[word.index(after: equals)...]) else {
      throw CommandError(
        .usage, "invalid argument \"\(word[word.index(after: equals)...])\" for \(flag): must be true or false")
    }
    if isInvertible { return [value == (name == positive) ? "--\(positive)" : "--no-\(positive)"] }
    return value ? [flag] : []
  }

  private static func boolean(_ text: Substring) -> Bool? {
    switch text {
    case "1", "t", "T", "TRUE", "true", "True": true
    case "0", "f", "F", "FALSE", "false", "False": false
    default: nil
    }
  }
}
