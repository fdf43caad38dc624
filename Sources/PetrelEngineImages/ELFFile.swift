// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// What a program or library of Linux says of the libraries that it needs. Source: System V ABI, "Object Files" and
/// "Program Loading and Dynamic Linking"; 64 bits, little-endian, as both processors of engines have it.
struct ELFFile: Equatable {
  /// File names of libraries.
  var needed: [String] = []
  /// The path of the loader that a program wants to be started by.
  var interpreter: String?

  private static let largestTable = 1 << 20
  /// A library needs some dozens of others at most, and file systems have no longer names.
  private static let mostNames = 1024
  private static let longestName = 255

  private struct Segment {
    let type: UInt32
    let offset: UInt64
    let address: UInt64
    let size: UInt64
  }

  /// Nil when the file is something else, or damaged.
  init?(_ path: FilePath) {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
    defer { try? file.close() }
    guard let header = Self.read(file, 0, 64), header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
    let tableOffset = Self.number(header, 32, 8)
    let entrySize = Int(Self.number(header, 54, 2))
    let count = Int(Self.number(header, 56, 2))
    guard entrySize == 56, count <= 1024, let table = Self.read(file, tableOffset, entrySize * count) else {
      return nil
    }
    let segments = (0..<count).map { index in
      let at = index * entrySize
      return Segment(
        type: UInt32(Self.number(table, at, 4)), offset: Self.number(table, at + 8, 8),
        address: Self.number(table, at + 16, 8), size: Self.number(table, at + 32, 8))
    }
    if let segment = segments.first(where: { $0.type == 3 }) {
      guard segment.size <= 4096, let bytes = Self.read(file, segment.offset, Int(segment.size)) else { return nil }
      interpreter = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    guard let dynamic = segments.first(where: { $0.type == 2 }) else { return }
    guard let names = Self.needed(file, dynamic, segments) else { return nil }
    needed = names
  }

  private static func needed(_ file: FileDescriptor, _ dynamic: Segment, _ segments: [Segment]) -> [String]? {
    guard dynamic.size <= largestTable, let table = read(file, dynamic.offset, Int(dynamic.size)) else { return nil }
    var names: [UInt64] = []
    var strings: UInt64?
    var stringsSize: UInt64 = 0
    for at in stride(from: 0, to: table.count - 15, by: 16) {
      let value = number(table, at + 8, 8)
      switch number(table, at, 8) {
      case 1: names.append(value)
      case 5: strings = value
      case 10: stringsSize = value
      default: break
      }
    }
    guard !names.isEmpty else { return [] }
    guard let strings, names.count <= mostNames, stringsSize <= 16 * UInt64(largestTable),
      let home = segments.first(where: { $0.type == 1 && $0.address <= strings && strings - $0.address < $0.size }),
      !home.offset.addingReportingOverflow(strings - home.address).overflow,
      let text = read(file, home.offset + (strings - home.address), Int(stringsSize))
    else { return nil }
    return names.compactMap { start in
      guard start < stringsSize else { return nil }
      let name = text[Int(start)...].prefix(longestName + 1).prefix { $0 != 0 }
      return name.isEmpty || name.count > longestName ? nil : String(decoding: name, as: UTF8.self)
    }
  }

  private static func read(_ file: FileDescriptor, _ offset: UInt64, _ count: Int) -> [UInt8]? {
    guard let offset = Int64(exactly: offset), count >= 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let part = bytes.withUnsafeMutableBytes { buffer in
        try? file.read(
          fromAbsoluteOffset: offset + Int64(done), into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      }
      guard let part, part > 0 else { return nil }
      done += part
    }
    return bytes
  }

  /// A number of up to eight bytes, the lowest first.
  private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }
}
