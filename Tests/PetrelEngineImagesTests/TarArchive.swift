// SPDX-License-Identifier: Apache-2.0

import PetrelTar

/// Tar archives of a few small entries.
enum TarArchive {
  enum Entry {
    case file(String, String)
    case directory(String)
    case symbolicLink(String, to: String)
    case hardLink(String, to: String)
  }

  static func bytes(_ entries: [Entry]) -> [UInt8] { entries.flatMap(bytes) + TarHeader.end }

  private static func bytes(_ entry: Entry) -> [UInt8] {
    switch entry {
    case .file(let name, let text):
      let content = Array(text.utf8)
      let padding = [UInt8](repeating: 0, count: Int(TarHeader.padding(after: Int64(content.count))))
      return TarHeader.file(name: name, mode: 0o755, size: Int64(content.count)) + content + padding
    case .directory(let name): return TarHeader.directory(name: name)
    case .symbolicLink(let name, let target): return link(name, "2", target)
    case .hardLink(let name, let target): return link(name, "1", target)
    }
  }

  private static func link(_ name: String, _ type: Character, _ target: String) -> [UInt8] {
    var block = TarHeader.block(name: name, type: type, mode: 0o777, size: 0)
    block.replaceSubrange(157..<(157 + target.utf8.count), with: target.utf8)
    block.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
    let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    let digits = String(repeating: "0", count: 6 - sum.count) + sum
    block.replaceSubrange(148..<154, with: digits.utf8)
    block[154] = 0
    return block
  }
}
