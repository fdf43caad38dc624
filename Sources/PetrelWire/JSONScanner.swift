// SPDX-License-Identifier: Apache-2.0

/// A validating pass over JSON text that notes positions and builds nothing.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private var index = 0
  /// Values that have been begun, at all depths.
  private(set) var valueCount = 0

  init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    self.bytes = bytes
    index = offset
  }

  /// Scans the object that begins here, and nothing after it.
  mutating func scanMembers(_ visit: (Range<Int>, JSONEnvelope.Value) -> Void) throws(JSONSyntaxError) {
    guard peek() == UInt8(ascii: "{") else { throw error("want a JSON object") }
    try scanObject(depth: 1, visit)
  }

  /// Scans the value that begins here, and nothing after it.
  mutating func scanNext() throws(JSONSyntaxError) -> JSONEnvelope.Value {
    let start = index
    let kind = try scanValue(depth: 0)
    return JSONEnvelope.Value(kind: kind, range: start..<index)
  }

  /// Scans the array that begins here, and nothing after it.
  mutating func scanElements(_ visit: (JSONEnvelope.Value) -> Void) throws(JSONSyntaxError) {
    guard peek() == UInt8(ascii: "[") else { throw error("want a JSON array") }
    try scanArray(depth: 1, visit)
  }

  /// Scans a whole document that must be an object. `visit` gets each member of the top level: the range of its name
  /// without the quotes, and its value.
  mutating func scanEnvelope(
    _ visit: (Range<Int>, JSONEnvelope.Value) -> Void
  ) throws(JSONSyntaxError) {
    skipWhitespace()
    guard peek() == UInt8(ascii: "{") else { throw error("want a JSON object") }
    try scanObject(depth: 1, visit)
    skipWhitespace()
    guard index == bytes.count else { throw error("unexpected bytes after the JSON object") }
  }

  /// Scans a whole document of any kind.
  mutating func scanDocument() throws(JSONSyntaxError) {
    skipWhitespace()
    _ = try scanValue(depth: 0)
    skipWhitespace()
    guard index == bytes.count else { throw error("unexpected bytes after the JSON value") }
  }

  private mutating func scanObject(
    depth: Int, _ visit: (Range<Int>, JSONEnvelope.Value) -> Void = { _, _ in }
  ) throws(JSONSyntaxError) {
    guard depth <= JSONEnvelope.maximumDepth else { throw error("more than \(JSONEnvelope.maximumDepth) levels deep") }
    index += 1
    skipWhitespace()
    if peek() == UInt8(ascii: "}") {
      index += 1
      return
    }
    while true {
      skipWhitespace()
      guard peek() == UInt8(ascii: "\"") else { throw error("want a member name") }
      let name = try scanString()
      skipWhitespace()
      guard peek() == UInt8(ascii: ":") else { throw error("want ':'") }
      index += 1
      skipWhitespace()
      let start = index
      let kind = try scanValue(depth: depth)
      visit(name, JSONEnvelope.Value(kind: kind, range: start..<index))
      skipWhitespace()
      switch peek() {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: "}"):
        index += 1
        return
      default: throw error("want ',' or '}'")
      }
    }
  }

  private mutating func scanArray(
    depth: Int, _ visit: (JSONEnvelope.Value) -> Void = { _ in }
  ) throws(JSONSyntaxError) {
    guard depth <= JSONEnvelope.maximumDepth else { throw error("more than \(JSONEnvelope.maximumDepth) levels deep") }
    index += 1
    skipWhitespace()
    if peek() == UInt8(ascii: "]") {
      index += 1
      return
    }
    while true {
      skipWhitespace()
      let start = index
      let kind = try scanValue(depth: depth)
      visit(JSONEnvelope.Value(kind: kind, range: start..<index))
      skipWhitespace()
      switch peek() {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: "]"):
        index += 1
        return
      default: throw error("want ',' or ']'")
      }
    }
  }

  private mutating func scanValue(depth: Int) throws(JSONSyntaxError) -> JSONEnvelope.Value.Kind {
    valueCount += 1
    switch peek() {
    case UInt8(ascii: "{"):
      try scanObject(depth: depth + 1)
      return .object
    case UInt8(ascii: "["):
      try scanArray(depth: depth + 1)
      return .array
    case UInt8(ascii: "\""):
      _ = try scanString()
      return .string
    case UInt8(ascii: "t"):
      try scanLiteral("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try scanLiteral("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try scanLiteral("null")
      return .null
    default:
      try scanNumber()
      return .number
    }
  }

  /// Returns the range between the quotes.
  private mutating func scanString() throws(JSONSyntaxError) -> Range<Int> {
    index += 1
    let start = index
    while index < bytes.count {
      skipPlainText()
      guard index < bytes.count else { break }
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return start..<(index - 1)
      case UInt8(ascii: "\\"): try scanEscape()
      case 0..<0x20: throw error("control character in a string")
      case 0x20..<0x80: index += 1
      default: try scanMultibyte(byte)
      }
    }
    throw error("unterminated string")
  }

  /// Passes over characters that mean themselves, eight at a time: prompts are long. Stops before the last eight bytes of
  /// the document at the latest.
  ///
  /// A byte's highest bit is set in `marks` where it is a quote, a backslash, a control character or not ASCII: subtracting
  /// borrows from it. What is borrowed further up can only mark bytes behind the first one that is marked rightly.
  private mutating func skipPlainText() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    while index + 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
      let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
      let marks =
        (((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- ones &* 0x20) & ~word) | word)
        & (ones &* 0x80)
      guard marks == 0 else {
        index += marks.trailingZeroBitCount / 8
        return
      }
      index += 8
    }
  }

  private mutating func scanEscape() throws(JSONSyntaxError) {
    index += 1
    switch peek() {
    case UInt8(ascii: "u"):
      guard index + 4 < bytes.count, bytes[(index + 1)...(index + 4)].allSatisfy(Self.isHexDigit) else {
        throw error("want four hex digits")
      }
      index += 5
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
    default: throw error("unknown escape")
    }
  }

  /// One character of two to four bytes; ranges by RFC 3629, section 4.
  private mutating func scanMultibyte(_ first: UInt8) throws(JSONSyntaxError) {
    let second: ClosedRange<UInt8>
    let length: Int
    switch first {
    case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
    case 0xE0: (second, length) = (0xA0...0xBF, 3)
    case 0xE1...0xEC, 0xEE...0xEF: (second, length) = (0x80...0xBF, 3)
    case 0xED: (second, length) = (0x80...0x9F, 3)
    case 0xF0: (second, length) = (0x90...0xBF, 4)
    case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
    case 0xF4: (second, length) = (0x80...0x8F, 4)
    default: throw error("invalid UTF-8")
    }
    guard index + length <= bytes.count, second.contains(bytes[index + 1]),
      bytes[(index + 2)..<(index + length)].allSatisfy({ (0x80...0xBF).contains($0) })
    else { throw error("invalid UTF-8") }
    index += length
  }

  private mutating func scanNumber() throws(JSONSyntaxError) {
    if peek() == UInt8(ascii: "-") { index += 1 }
    if peek() == UInt8(ascii: "0") { index += 1 } else { try scanDigits() }
    if peek() == UInt8(ascii: ".") {
      index += 1
      try scanDigits()
    }
    if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
      index += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { index += 1 }
      try scanDigits()
    }
  }

  private mutating func scanDigits() throws(JSONSyntaxError) {
    guard let first = peek(), Self.isDigit(first) else { throw error("want a JSON value") }
    while let byte = peek(), Self.isDigit(byte) { index += 1 }
  }

  private mutating func scanLiteral(_ literal: StaticString) throws(JSONSyntaxError) {
    let expected = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    guard bytes[index...].prefix(expected.count).elementsEqual(expected) else { throw error("want a JSON value") }
    index += expected.count
  }

  private mutating func skipWhitespace() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  private func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }

  private func error(_ message: String) -> JSONSyntaxError {
    JSONSyntaxError(message: index < bytes.count ? message : "unexpected end of JSON", offset: index)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }
}
