// SPDX-License-Identifier: Apache-2.0

/// Names of the files that make up one model: `X-00001-of-00003.gguf` to `X-00003-of-00003.gguf`.
package enum GGUFShards {
  /// The names of all shards in order when `name` is that of a shard, else `name` alone.
  package static func names(for name: String) -> [String] {
    guard let match = name.wholeMatch(of: /(.*)-([0-9]{5})-of-([0-9]{5})\.gguf/.dotMatchesNewlines()),
      let number = Int(match.2), let total = Int(match.3), number > 0, number <= total
    else { return [name] }
    return (1...total).map { "\(match.1)-\(fiveDigits($0))-of-\(match.3).gguf" }
  }

  private static func fiveDigits(_ number: Int) -> String {
    String(String(100_000 + number).dropFirst())
  }
}
