// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A command in a document, and what the document shows as its output.
struct ManualCommand: Sendable {
  let text: String
  let shown: [String]
}

/// A document of this repository.
struct Manual {
  private let lines: [String]

  /// - Parameter name: the path within the repository.
  init(_ name: String) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: name), encoding: .utf8)
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// The text of each block that is fenced as this language.
  func blocks(_ language: String) -> [[String]] {
    var blocks: [[String]] = []
    var block: [String]?
    for line in lines {
      if let lines = block {
        if line == "```" {
          blocks.append(lines)
          block = nil
        } else {
          block = lines + [line]
        }
      } else if line == "```\(language)" {
        block = []
      }
    }
    return blocks
  }

  /// What is typed behind a `$`, with the lines that belong to it.
  var commands: [ManualCommand] {
    blocks("console").flatMap { block in
      var commands: [(text: String, shown: [String])] = []
      for line in block {
        if line.hasPrefix("$ ") {
          commands.append((String(line.dropFirst(2)), []))
        } else if let last = commands.indices.last {
          let text = commands[last].text
          if text.count(where: { $0 == "'" }) % 2 == 1 || text.hasSuffix("\\") {
            commands[last].text += "\n" + line
          } else {
            commands[last].shown.append(line)
          }
        }
      }
      return commands.map { ManualCommand(text: $0.text, shown: $0.shown) }
    }
  }
}
