// SPDX-License-Identifier: Apache-2.0

/// The 512-byte record that precedes each entry of a tar archive.
///
/// Source: POSIX.1, `pax`, "ustar Interchange Format"; sizes in base 256 as GNU tar writes them are understood.
package struct TarHeader: Hashable, Sendable {
  package static let blockSize = 512
  /// The largest size that eleven octal digits hold.
  static let largestOctalSize: Int64 = (1 << 33) - 1

  enum Kind: Hashable, Sendable {
    case regular
    case directory
    /// Has no content, whatever its size field says: a link, a device, a pipe.
    case headerOnly
    /// A pax record set about the next entry.
    case paxAttributes
    /// The next entry's name, from GNU tar.
    case longName
    /// The target of the next entry, from GNU tar.
    case longTarget
    /// Attributes of no interest here: pax defaults.
    case otherAttributes
    case unknown(UInt8)
  }

  var name: String
  var kind: Kind
  /// Bytes of content that follow, padded to whole blocks.
  var size: Int64
  /// Permission bits.
  var mode: Int
  /// What a link leads to; means nothing for others.
  var target: String
  var link: LinkKind?

  enum LinkKind: Hashable, Sendable {
    case hard, symbolic
  }

  /// Bytes that fill the last block of `size` bytes of content.
  package static func padding(after size: Int64) -> Int64 {
    let rest = size % Int64(blockSize)
    return rest == 0 ? 0 : Int64(blockSize) - rest
  }

  // MARK: Writing

  /// A record without owner and time. `name` has at most 100 bytes; a size that has no place is written as 0.
  package static func block(name: String, type: Character, mode: Int, size: Int64) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: blockSize)
    func put(_ text: String, at offset: Int) {
      block.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
    }
    put(name, at: Field.name.lowerBound)
    put(octal(Int64(mode), digits: 7), at: Field.mode.lowerBound)
    put(octal(0, digits: 7), at: 108)
    put(octal(0, digits: 7), at: 116)
    put(octal(size <= largestOctalSize ? size : 0, digits: 11), at: Field.size.lowerBound)
    put(octal(0, digits: 11), at: 136)
    put(String(type), at: Field.type)
    put("ustar\u{0}00", at: Field.magic.lowerBound)
    put(octal(0, digits: 7), at: 329)
    put(octal(0, digits: 7), at: 337)
    put(octal(Int64(checksums(of: block).unsigned), digits: 6) + "\u{0} ", at: Field.checksum.lowerBound)
    return block
  }

  /// Everything that comes before the content of a regular file, with a pax record for what has no place in the header.
  package static func file(name: String, mode: Int, size: Int64) -> [UInt8] {
    entry(name: name, type: "0", mode: mode, size: size)
  }

  package static func directory(name: String) -> [UInt8] { entry(name: name, type: "5", mode: 0o755, size: 0) }

  /// The two blocks that end an archive.
  package static var end: [UInt8] { [UInt8](repeating: 0, count: 2 * blockSize) }

  private static func entry(name: String, type: Character, mode: Int, size: Int64) -> [UInt8] {
    var attributes: [UInt8] = []
    let isLong = name.utf8.count > Field.name.count
    if isLong { attributes += paxRecord("path", name) }
    if size > largestOctalSize { attributes += paxRecord("size", String(size)) }
    let header = block(name: isLong ? "long" : name, type: type, mode: mode, size: size)
    guard !attributes.isEmpty else { return header }
    let count = Int64(attributes.count)
    return block(name: "PaxHeaders.0/\(isLong ? "path" : "size")", type: "x", mode: 0o644, size: count) + attributes
      + [UInt8](repeating: 0, count: Int(padding(after: count))) + header
  }

  /// `<length> <key>=<value>\n`, where the length counts its own digits too.
  private static func paxRecord(_ key: String, _ value: String) -> [UInt8] {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count
    while String(length).utf8.count + rest.utf8.count != length {
      length = String(length).utf8.count + rest.utf8.count
    }
    return Array("\(length)\(rest)".utf8)
  }

  private static func octal(_ value: Int64, digits: Int) -> String {
    let text = String(value, radix: 8)
    return String(repeating: "0", count: digits - text.count) + text
  }

  // MARK: Reading

  /// - Parameter block: exactly 512 bytes.
  init(parsing block: [UInt8]) throws(TarError) {
    let sums = Self.checksums(of: block)
    guard let checksum = Self.number(block[Field.checksum]),
      checksum == Int64(sums.unsigned) || checksum == Int64(sums.signed)
    else { throw TarError(.malformed, "not a tar archive: an entry's header checksum is wrong") }
    name = Self.text(block[Field.name])
    if block[Field.magic].elementsEqual(Array("ustar\u{0}".utf8)) {
      let prefix = Self.text(block[Field.prefix])
      if !prefix.isEmpty { name = prefix + "/" + name }
    }
    switch block[Field.type] {
    // Before ustar, directories were regular entries with a slash at the end.
    case 0: kind = name.hasSuffix("/") ? .directory : .regular
    case UInt8(ascii: "0"), UInt8(ascii: "7"): kind = .regular
    case UInt8(ascii: "5"): kind = .directory
    case UInt8(ascii: "1")...UInt8(ascii: "6"): kind = .headerOnly
    case UInt8(ascii: "x"): kind = .paxAttributes
    case UInt8(ascii: "L"): kind = .longName
    case UInt8(ascii: "K"): kind = .longTarget
    case UInt8(ascii: "g"): kind = .otherAttributes
    case let type: kind = .unknown(type)
    }
    guard let size = Self.number(block[Field.size]) else {
      throw TarError(.malformed, "the archive's entry \(name.debugDescription) has an invalid size")
    }
    self.size = kind == .headerOnly || kind == .directory ? 0 : size
    target = Self.text(block[Field.target])
    link = block[Field.type] == UInt8(ascii: "1") ? .hard : block[Field.type] == UInt8(ascii: "2") ? .symbolic : nil
    // Of no weight: a mode that cannot be read is as good as none.
    mode = Int(Self.number(block[Field.mode]) ?? 0) & 0o777
  }

  private enum Field {
    static let name = 0..<100
    static let mode = 100..<108
    static let size = 124..<136
    static let checksum = 148..<156
    static let type = 156
    static let target = 157..<257
    static let magic = 257..<263
    static let prefix = 345..<500
  }

  /// The sums of all bytes, those of the checksum field taken as blanks. Old archivers summed signed bytes.
  private static func checksums(of block: [UInt8]) -> (unsigned: Int, signed: Int) {
    var unsigned = 0
    var signed = 0
    for (index, byte) in block.enumerated() {
      let byte = Field.checksum.contains(index) ? UInt8(ascii: " ") : byte
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return (unsigned, signed)
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Octal digits between blanks, or a number in base 256 that is marked by the highest bit. Nil for anything else, for
  /// negative numbers and for those over 63 bits.
  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    if let first = field.first, first & 0x80 != 0 {
      guard first == 0x80 else { return nil }
      return field.dropFirst().reduce(Int64?(0)) { value, byte in
        guard let value, value >> 55 == 0 else { return nil }
        return value << 8 | Int64(byte)
      }
    }
    let digits = field.prefix { $0 != 0 }.split(separator: UInt8(ascii: " "))
    guard digits.count <= 1 else { return nil }
    return digits.isEmpty
      ? 0 : Int64(String(decoding: digits[0], as: UTF8.self), radix: 8).flatMap { $0 < 0 ? nil : $0 }
  }
}
