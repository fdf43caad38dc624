// SPDX-License-Identifier: Apache-2.0

/// Escaping of JSON strings, and its reverse.
package enum JSONString {
  private static let hexDigits = Array("0123456789abcdef".unicodeScalars)

  /// Appends `value` as a quoted JSON string.
  package static func append(_ value: String, to text: inout String, escapingHTML: Bool = true) {
    var value = value
    text += "\""
    value.withUTF8 { bytes in
      // Most texts are plain from end to end, and are copied in one piece.
      var start = 0
      func appendPlain(to end: Int) {
        if start < end { text += String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self) }
      }
      var index = 0
      while index < bytes.count {
        guard let escape = escape(at: index, of: bytes, escapingHTML: escapingHTML) else {
          index += 1
          continue
        }
        appendPlain(to: index)
        text += escape.text
        index += escape.length
        start = index
      }
      appendPlain(to: bytes.count)
    }
    text += "\""
  }

  /// What stands for the character that begins here, and its length in bytes; nil when it stands for itself.
  private static func escape(
    at index: Int, of bytes: UnsafeBufferPointer<UInt8>, escapingHTML: Bool
  ) -> (text: String, length: Int)? {
    switch bytes[index] {
    case UInt8(ascii: "\""): return ("\\\"", 1)
    case UInt8(ascii: "\\"): return ("\\\\", 1)
    case 0x08: return ("\\b", 1)
    case 0x0C: return ("\\f", 1)
    case 0x0A: return ("\\n", 1)
    case 0x0D: return ("\\r", 1)
    case 0x09: return ("\\t", 1)
    case 0..<0x20: return (numeric(UInt16(bytes[index])), 1)
    case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
      return escapingHTML ? (numeric(UInt16(bytes[index])), 1) : nil
    // U+2028 and U+2029, the ends of lines in JavaScript.
    case 0xE2 where escapingHTML && bytes[index + 1] == 0x80 && bytes[index + 2] & 0xFE == 0xA8:
      return (bytes[index + 2] == 0xA8 ? "\\u2028" : "\\u2029", 3)
    default: return nil
    }
  }

  private static func numeric(_ unit: UInt16) -> String {
    var text = "\\u"
    for shift in stride(from: UInt16(12), through: 0, by: -4) {
      text.unicodeScalars.append(hexDigits[Int((unit >> shift) & 0xF)])
    }
    return text
  }

  /// The text between the quotes of a syntactically valid string. Lone surrogates become U+FFFD.
  static func read(_ content: UnsafeRawBufferPointer) -> String {
    // No escape is shorter than what it stands for.
    String(unsafeUninitializedCapacity: content.count) { text in
      let text = UnsafeMutableRawBufferPointer(text)
      var length = 0
      func append(_ bytes: some Collection<UInt8>) {
        UnsafeMutableRawBufferPointer(rebasing: text[length...]).copyBytes(from: bytes)
        length += bytes.count
      }
      var index = 0
      while true {
        let end = endOfPlainText(in: content, from: index)
        append(UnsafeRawBufferPointer(rebasing: content[index..<end]))
        index = end
        guard index < content.count else { return length }
        if content[index + 1] == UInt8(ascii: "u") {
          // Those that follow each other may be the two halves of one character.
          while index < content.count, content[index] == UInt8(ascii: "\\"), content[index + 1] == UInt8(ascii: "u") {
            index += 6
          }
          append(unescape(content[end..<index]).utf8)
        } else {
          text[length] = unescaped(content[index + 1])
          length += 1
          index += 2
        }
      }
    }
  }

  /// The same, for any bytes.
  static func unescape(_ content: some Sequence<UInt8>) -> String {
    var units: [UInt8] = []
    var high: UInt32?
    var iterator = content.makeIterator()
    func append(_ scalar: Unicode.Scalar) {
      units.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
    func flushHigh() {
      if high != nil { append("\u{FFFD}") }
      high = nil
    }
    while let byte = iterator.next() {
      guard byte == UInt8(ascii: "\\"), let escape = iterator.next() else {
        flushHigh()
        units.append(byte)
        continue
      }
      guard escape == UInt8(ascii: "u") else {
        flushHigh()
        units.append(unescaped(escape))
        continue
      }
      var code: UInt32 = 0
      for _ in 0..<4 { code = code << 4 | UInt32(iterator.next().flatMap(hexValue) ?? 0) }
      switch code {
      case 0xD800...0xDBFF:
        flushHigh()
        high = code
      case 0xDC00...0xDFFF:
        let scalar = high.flatMap { Unicode.Scalar(0x10000 + (($0 - 0xD800) << 10) + (code - 0xDC00)) }
        high = nil
        append(scalar ?? "\u{FFFD}")
      default:
        flushHigh()
        append(Unicode.Scalar(code) ?? "\u{FFFD}")
      }
    }
    flushHigh()
    return String(decoding: units, as: UTF8.self)
  }

  /// Where the next quote, backslash or control character stands; the end when none does. Eight bytes at a time, as
  /// texts are long: see `JSONScanner` for how that works.
  static func endOfPlainText(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var index = start
    while index + 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
      let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
      let marks =
        (((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- ones &* 0x20) & ~word))
        & (ones &* 0x80)
      guard marks == 0 else { return index + marks.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
      index += 1
    }
    return index
  }

  /// The character that an escape of two stands for.
  static func unescaped(_ escape: UInt8) -> UInt8 {
    switch escape {
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: escape
    }
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
