// SPDX-License-Identifier: Apache-2.0

/// Names of the files that make up one model: `X-00001-of-00003.safetensors` to `X-00003-of-00003.safetensors`.
package enum SafetensorsShards {
  /// The names of all shards in order when `name` is that of a shard, else `name` alone.
  package static func names(for name: String) -> [String] {
    guard let match = name.wholeMatch(of: /(.+)-([0-9]{5})-of-([0-9]{5})\.safetensors/.dotMatchesNewlines()),
      let number = Int(match.2), let total = Int(match.3), number > 0, number <= total
    else { return [name] }
    return (1...total).map { "\(match.1)-\(String(String(100_000 + $0).dropFirst()))-of-\(match.3).safetensors" }
  }
}
