// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// Small texts in which a kernel tells about itself.
enum KernelFile {
  private static let limit = 64 * 1024

  /// Nil when there is no such file.
  static func text(_ path: FilePath) -> String? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
    defer { try? file.close() }
    var bytes = [UInt8](repeating: 0, count: limit)
    var count = 0
    while count < limit {
      // Such files come in pieces; each read gives what fits.
      guard let read = try? bytes.withUnsafeMutableBytes({ try file.read(into: .init(rebasing: $0[count...])) }) else {
        return nil
      }
      if read == 0 { break }
      count += read
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  static func number(_ path: FilePath) -> Int64? {
    text(path).flatMap { $0.split(whereSeparator: \.isWhitespace).first }.flatMap { Int64($0) }
  }

  /// Lines of a name, perhaps a colon, and a number. The unit, where one follows, is not looked at.
  static func table(_ path: FilePath) -> [String: Int64] {
    var table: [String: Int64] = [:]
    for line in (text(path) ?? "").split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == ":" || $0.isWhitespace })
      if words.count > 1, let value = Int64(words[1]) { table[String(words[0])] = value }
    }
    return table
  }
}
