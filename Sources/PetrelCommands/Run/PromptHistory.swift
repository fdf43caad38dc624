// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The user's last prompts. In the file each is one line, with `\n` and `\\` for newlines and backslashes.
struct PromptHistory {
  private static let limit = 100
  private static let maximumFileBytes = 4 << 20

  /// Oldest first.
  private(set) var entries: [String] = []
  /// Nil when nothing is to be kept.
  private let file: FilePath?

  /// - Parameter file: need not exist; one that cannot be read counts as empty.
  init(file: FilePath?) {
    self.file = file
    guard let file, let data = FileManager.default.contents(atPath: file.string), data.count <= Self.maximumFileBytes
    else { return }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    entries = lines.suffix(Self.limit).map { Self.unescape($0) }
  }

  /// Keeps `entry` and rewrites the file. History is a convenience: when it cannot be saved, the chat goes on.
  mutating func add(_ entry: String) {
    guard entry != entries.last else { return }
    entries.append(entry)
    entries.removeFirst(max(0, entries.count - Self.limit))
    guard let file else { return }
    let text = entries.map { Self.escape($0) + "\n" }.joined()
    let temporary = file.string + ".tmp"
    let manager = FileManager.default
    try? manager.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    guard manager.createFile(atPath: temporary, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    else { return }
    try? AtomicRename.move(FilePath(temporary), to: file)
  }

  private static func escape(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  private static func unescape(_ text: Substring) -> String {
    var result = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        result.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return result
  }
}
