// SPDX-License-Identifier: Apache-2.0

/// The files that make up one set of weights: a file of its own, or all shards of a model.
struct WeightsGroup: Hashable {
  /// Folder and name, without the ending and without the shard's number.
  let title: String
  let kind: HubFile.Kind
  /// In the order of the shards.
  let files: [HubFile]
  /// How many shards there should be.
  let expected: Int

  var isWhole: Bool { files.count == expected }
  var name: String { files.first?.name ?? title }

  /// Sorted by path. Shards belong together when folder, prefix and total are the same.
  static func groups(of files: [HubFile]) -> [WeightsGroup] {
    var shards: [Key: [Int: HubFile]] = [:]
    for file in files {
      let (key, number) = key(of: file)
      shards[key, default: [:]][number] = file
    }
    return shards.map { key, numbered in
      WeightsGroup(
        title: key.title, kind: key.kind, files: numbered.sorted { $0.key < $1.key }.map(\.value), expected: key.total)
    }.sorted { ($0.title, $0.expected) < ($1.title, $1.expected) }
  }

  private struct Key: Hashable {
    let title: String
    let kind: HubFile.Kind
    let total: Int
  }

  private static func key(of file: HubFile) -> (Key, number: Int) {
    let bare = file.path.lastIndex(of: ".").map { String(file.path[..<$0]) } ?? file.path
    guard let match = bare.wholeMatch(of: /(.+)-([0-9]{5})-of-([0-9]{5})/.dotMatchesNewlines()),
      let number = Int(match.2), let total = Int(match.3), number > 0, number <= total
    else { return (Key(title: bare, kind: file.kind, total: 1), 1) }
    return (Key(title: String(match.1), kind: file.kind, total: total), number)
  }
}
