// SPDX-License-Identifier: Apache-2.0

/// Reads the JSON of a header from its start to its end through a small window of the source.
///
/// Source: RFC 8259.
struct HeaderScanner {
  /// Of the next byte, from the start of the file.
  private(set) var offset: UInt64
  private let source: any SafetensorsSource
  private let limit: UInt64
  private var window: [UInt8] = []
  private var index = 0

  init(_ source: some SafetensorsSource, from start: UInt64, count: UInt64) {
    self.source = source
    offset = start
    limit = start + count
  }

  // MARK: Values

  /// Hands each member of an object to `visit`, its name without escapes. `visit` must read the value.
  mutating func object(
    _ visit: ([UInt8], inout HeaderScanner) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    try expect("{", "an object")
    if try next() == UInt8(ascii: "}") { return advance() }
    while true {
      guard let name = try string(limit: SafetensorsLimits.text) else {
        throw SafetensorsError(
          .tooLarge, "a name before offset \(offset) is longer than \(SafetensorsLimits.text) bytes")
      }
      try expect(":", "':'")
      try visit(name, &self)
      switch try next() {
      case UInt8(ascii: ","): advance()
      case UInt8(ascii: "}"): return advance()
      default: throw malformed("',' or '}'")
      }
      guard try next() == UInt8(ascii: "\"") else { throw malformed("a name") }
    }
  }

  /// An array of whole numbers that are not negative.
  mutating func numbers(limit: Int) throws(SafetensorsError) -> [UInt64] {
    try expect("[", "an array")
    if try next() == UInt8(ascii: "]") {
      advance()
      return []
    }
    var numbers: [UInt64] = []
    while true {
      let text = try number()
      guard let number = UInt64(text) else { throw malformed("a whole number that is not negative") }
      numbers.append(number)
      guard numbers.count <= limit else { throw malformed("at most \(limit) numbers") }
      switch try next() {
      case UInt8(ascii: ","): advance()
      case UInt8(ascii: "]"):
        advance()
        return numbers
      default: throw malformed("',' or ']'")
      }
    }
  }

  /// The text of a string, a number or a boolean; nil for anything else, and for overlong strings.
  mutating func scalarText() throws(SafetensorsError) -> String? {
    switch try next() {
    case UInt8(ascii: "\""):
      return try string(limit: SafetensorsLimits.text).map { String(decoding: $0, as: UTF8.self) }
    case UInt8(ascii: "t"):
      try literal("true")
      return "true"
    case UInt8(ascii: "f"):
      try literal("false")
      return "false"
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      try skipValue()
      return nil
    }
  }

  mutating func skipValue(depth: Int = 1) throws(SafetensorsError) {
    guard depth <= SafetensorsLimits.depth else {
      throw SafetensorsError(.tooLarge, "values are nested too deeply at offset \(offset)")
    }
    switch try next() {
    case UInt8(ascii: "{"):
      try object { _, scanner throws(SafetensorsError) in try scanner.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["): try skipArray(depth: depth)
    case UInt8(ascii: "\""): _ = try string(limit: 0)
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default: _ = try number()
    }
  }

  /// After the object there may be blanks only: writers align the data with them.
  mutating func end() throws(SafetensorsError) {
    guard try peek() == nil else { throw malformed("the end of the header") }
  }

  private mutating func skipArray(depth: Int) throws(SafetensorsError) {
    advance()
    if try next() == UInt8(ascii: "]") { return advance() }
    while true {
      try skipValue(depth: depth + 1)
      switch try next() {
      case UInt8(ascii: ","): advance()
      case UInt8(ascii: "]"): return advance()
      default: throw malformed("',' or ']'")
      }
    }
  }

  private mutating func number() throws(SafetensorsError) -> String {
    _ = try next()
    var text: [UInt8] = []
    while let byte = try current(), Self.isNumeric(byte) {
      text.append(byte)
      guard text.count <= 64 else { throw malformed("a number of at most 64 characters") }
      advance()
    }
    let string = String(decoding: text, as: UTF8.self)
    guard string.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil else {
      throw malformed("a number")
    }
    return string
  }

  private static func isNumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
  }

  private mutating func literal(_ word: String) throws(SafetensorsError) {
    for byte in word.utf8 {
      guard try current() == byte else { throw malformed(word) }
      advance()
    }
  }

  /// Nil if the string has more than `limit` bytes: then it is skipped.
  mutating func string(limit: Int) throws(SafetensorsError) -> [UInt8]? {
    try expect("\"", "a string")
    var bytes: [UInt8] = []
    var isLong = false
    func keep(_ part: some Sequence<UInt8>) {
      if !isLong { bytes.append(contentsOf: part) }
      if bytes.count > limit {
        isLong = true
        bytes = []
      }
    }
    while true {
      guard let byte = try current() else { throw malformed("the end of a string") }
      advance()
      switch byte {
      case UInt8(ascii: "\""): return isLong ? nil : bytes
      case UInt8(ascii: "\\"): keep(try escaped())
      case 0..<0x20: throw malformed("a string without control characters")
      default: keep(CollectionOfOne(byte))
      }
    }
  }

  private mutating func escaped() throws(SafetensorsError) -> [UInt8] {
    guard let byte = try current() else { throw malformed("an escape") }
    advance()
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): break
    default: throw malformed("an escape")
    }
    let first = try fourDigits()
    // A pair of surrogates is one character, a single one none.
    if (0xD800..<0xDC00).contains(first), try current() == UInt8(ascii: "\\") {
      advance()
      guard try current() == UInt8(ascii: "u") else { throw malformed("the second half of a surrogate pair") }
      advance()
      let second = try fourDigits()
      guard (0xDC00..<0xE000).contains(second) else { throw malformed("the second half of a surrogate pair") }
      return Self.utf8(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    }
    return Self.utf8(first)
  }

  private static func utf8(_ value: UInt32) -> [UInt8] {
    Array(String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
  }

  private mutating func fourDigits() throws(SafetensorsError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = try current(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("four hex digits")
      }
      advance()
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  // MARK: Bytes

  /// The next byte that is no blank.
  mutating func next() throws(SafetensorsError) -> UInt8 {
    guard let byte = try peek() else {
      throw SafetensorsError(.malformed, "the header ends within its JSON at offset \(offset)")
    }
    return byte
  }

  private mutating func peek() throws(SafetensorsError) -> UInt8? {
    while let byte = try current() {
      guard [0x20, 0x09, 0x0A, 0x0D].contains(byte) else { return byte }
      advance()
    }
    return nil
  }

  private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(SafetensorsError) {
    guard try next() == UInt8(ascii: character) else { throw malformed(what) }
    advance()
  }

  /// Nil at the end of the header.
  private mutating func current() throws(SafetensorsError) -> UInt8? {
    if index < window.count { return window[index] }
    guard offset < limit else { return nil }
    window = try source.readBytes(at: offset, count: Int(min(limit - offset, UInt64(SafetensorsLimits.window))))
    index = 0
    guard let byte = window.first else {
      throw SafetensorsError(.truncated, "the file ends within its header at offset \(offset)")
    }
    return byte
  }

  private mutating func advance() {
    index += 1
    offset += 1
  }

  private func malformed(_ wanted: String) -> SafetensorsError {
    SafetensorsError(.malformed, "want \(wanted) at offset \(offset) of the header")
  }
}
