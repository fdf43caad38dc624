// SPDX-License-Identifier: Apache-2.0

/// A validating pass over JSON text that notes positions and builds nothing.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private(set) var index = 0

  /// What stands between the quotes of a string.
  struct StringContent {
    enum Escapes {
      case none
      /// Those that are written here as well.
      case own
      /// Also `\u` or `\/`.
      case foreign
    }

    var range: Range<Int>
    var escapes: Escapes
  }

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

  private mutating func scanObject(
    depth: Int, _ visit: (Range<Int>, JSONEnvelope.Value) -> Void = { _, _ in }
  ) throws(JSONSyntaxError) {
    try enter(depth: depth)
    if peek() == UInt8(ascii: "}") {
      index += 1
      return
    }
    while true {
      let name = try scanMemberName().range
      let start = index
      let kind = try scanValue(depth: depth)
      visit(name, JSONEnvelope.Value(kind: kind, range: start..<index))
      guard try goesOn(until: UInt8(ascii: "}")) else { return }
    }
  }

  private mutating func scanArray(
    depth: Int, _ visit: (JSONEnvelope.Value) -> Void = { _ in }
  ) throws(JSONSyntaxError) {
    try enter(depth: depth)
    if peek() == UInt8(ascii: "]") {
      index += 1
      return
    }
    while true {
      skipWhitespace()
      let start = index
      let kind = try scanValue(depth: depth)
      visit(JSONEnvelope.Value(kind: kind, range: start..<index))
      guard try goesOn(until: UInt8(ascii: "]")) else { return }
    }
  }

  private mutating func scanValue(depth: Int) throws(JSONSyntaxError) -> JSONEnvelope.Value.Kind {
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

  /// Goes into an object or an array.
  mutating func enter(depth: Int) throws(JSONSyntaxError) {
    guard depth <= JSONEnvelope.maximumDepth else { throw error("more than \(JSONEnvelope.maximumDepth) levels deep") }
    index += 1
    skipWhitespace()
  }

  /// Scans a member's name and the colon, up to its value.
  mutating func scanMemberName() throws(JSONSyntaxError) -> StringContent {
    skipWhitespace()
    guard peek() == UInt8(ascii: "\"") else { throw error("want a member name") }
    let name = try scanString()
    skipWhitespace()
    guard peek() == UInt8(ascii: ":") else { throw error("want ':'") }
    index += 1
    skipWhitespace()
    return name
  }

  /// Behind a value of an object or an array: whether another follows.
  mutating func goesOn(until end: UInt8) throws(JSONSyntaxError) -> Bool {
    skipWhitespace()
    switch peek() {
    case UInt8(ascii: ","):
      index += 1
      return true
    case end:
      index += 1
      return false
    default: throw error("want ',' or '\(Character(Unicode.Scalar(end)))'")
    }
  }

  mutating func scanString() throws(JSONSyntaxError) -> StringContent {
    index += 1
    let start = index
    var escapes = StringContent.Escapes.none
    while index < bytes.count {
      skipPlainText()
      guard index < bytes.count else { break }
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return StringContent(range: start..<(index - 1), escapes: escapes)
      case UInt8(ascii: "\\"):
        if try scanEscape() { escapes = .foreign } else if escapes == .none { escapes = .own }
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

  /// Returns whether it is one that is not written here.
  private mutating func scanEscape() throws(JSONSyntaxError) -> Bool {
    index += 1
    switch peek() {
    case UInt8(ascii: "u"):
      guard index + 4 < bytes.count, bytes[(index + 1)...(index + 4)].allSatisfy(Self.isHexDigit) else {
        throw error("want four hex digits")
      }
      index += 5
      return true
    case UInt8(ascii: "/"):
      index += 1
      return true
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
      UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
      return false
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
      length < 3 || bytes[index + 2] & 0xC0 == 0x80, length < 4 || bytes[index + 3] & 0xC0 == 0x80
    else { throw error("invalid UTF-8") }
    index += length
  }

  mutating func scanNumber() throws(JSONSyntaxError) {
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

  mutating func scanLiteral(_ literal: StaticString) throws(JSONSyntaxError) {
    let expected = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    guard bytes[index...].prefix(expected.count).elementsEqual(expected) else { throw error("want a JSON value") }
    index += expected.count
  }

  mutating func skipWhitespace() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  var isAtEnd: Bool { index == bytes.count }

  mutating func skipByte() { index += 1 }

  func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }

  func error(_ message: String) -> JSONSyntaxError {
    JSONSyntaxError(message: index < bytes.count ? message : "unexpected end of JSON", offset: index)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }
}
