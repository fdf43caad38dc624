// SPDX-License-Identifier: Apache-2.0

extension JSONNode {
  /// Documents with more values are refused: each takes some 50 bytes of memory, and two of text.
  package static let maximumValues = 2_000_000

  /// Parses one JSON value (RFC 8259, valid UTF-8). Members keep their order, duplicates included, and numbers their
  /// text. Documents deeper than ``JSONEnvelope/maximumDepth`` are refused.
  package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONSyntaxError) {
    var scanner = JSONScanner(bytes)
    try scanner.scanDocument()
    guard scanner.valueCount <= Self.maximumValues else {
      throw JSONSyntaxError(message: "more than \(Self.maximumValues) values", offset: bytes.count)
    }
    var builder = JSONBuilder(bytes)
    self = builder.value()
  }

  package init(parsing text: String) throws(JSONSyntaxError) {
    var text = text
    self = try text.withUTF8 { utf8 -> Result<JSONNode, JSONSyntaxError> in
      do throws(JSONSyntaxError) {
        return .success(try JSONNode(parsing: UnsafeRawBufferPointer(utf8)))
      } catch {
        return .failure(error)
      }
    }.get()
  }

  /// The value of an object's member; of duplicates the last. Nil when there is none or this is no object.
  package subscript(name: String) -> JSONNode? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var elements: [JSONNode]? { if case .array(let value) = self { value } else { nil } }
  package var members: [JSONMember]? { if case .object(let value) = self { value } else { nil } }
  package var isNull: Bool { self == .null }
  /// The text of a number.
  package var number: String? { if case .number(let value) = self { value } else { nil } }
  /// An integral number, also when it is written as `4096.0`.
  package var integer: Int? {
    guard let number else { return nil }
    return Int(number) ?? Double(number).flatMap(Int.init(exactly:))
  }
  package var double: Double? { number.flatMap(Double.init) }
}

/// Builds a value from bytes that a ``JSONScanner`` has found to be valid.
private struct JSONBuilder {
  private let bytes: UnsafeRawBufferPointer
  private var index = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func value() -> JSONNode {
    skipWhitespace()
    switch bytes[index] {
    case UInt8(ascii: "{"): return object()
    case UInt8(ascii: "["): return array()
    case UInt8(ascii: "\""): return .string(string())
    case UInt8(ascii: "t"):
      index += 4
      return .bool(true)
    case UInt8(ascii: "f"):
      index += 5
      return .bool(false)
    case UInt8(ascii: "n"):
      index += 4
      return .null
    default: return number()
    }
  }

  private mutating func object() -> JSONNode {
    var members: [JSONMember] = []
    // Most objects have a few members: growing one by one takes more time than the members themselves.
    members.reserveCapacity(4)
    while true {
      // Past the brace or the comma.
      index += 1
      skipWhitespace()
      if bytes[index] == UInt8(ascii: "}") { break }
      let name = string()
      skipWhitespace()
      index += 1
      members.append(JSONMember(name, value()))
      skipWhitespace()
      if bytes[index] == UInt8(ascii: "}") { break }
    }
    index += 1
    return .object(members)
  }

  private mutating func array() -> JSONNode {
    var elements: [JSONNode] = []
    while true {
      index += 1
      skipWhitespace()
      if bytes[index] == UInt8(ascii: "]") { break }
      elements.append(value())
      skipWhitespace()
      if bytes[index] == UInt8(ascii: "]") { break }
    }
    index += 1
    return .array(elements)
  }

  private mutating func number() -> JSONNode {
    let start = index
    while index < bytes.count, Self.isOfNumber(bytes[index]) { index += 1 }
    return .number(String(decoding: bytes[start..<index], as: UTF8.self))
  }

  private mutating func string() -> String {
    index += 1
    let start = index
    index = runEnd()
    guard bytes[index] == UInt8(ascii: "\\") else {
      defer { index += 1 }
      return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
    }
    var text = Array(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
    while bytes[index] == UInt8(ascii: "\\") {
      if bytes[index + 1] == UInt8(ascii: "u") {
        // Those that follow each other may be the two halves of one character.
        let escapes = index
        while bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") { index += 6 }
        text.append(contentsOf: JSONString.unescape(bytes[escapes..<index]).utf8)
      } else {
        text.append(JSONString.unescaped(bytes[index + 1]))
        index += 2
      }
      let run = index
      index = runEnd()
      text.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[run..<index]))
    }
    index += 1
    return String(decoding: text, as: UTF8.self)
  }

  /// Where the next quote or escape stands; control characters are nowhere.
  private func runEnd() -> Int { JSONString.endOfPlainText(in: bytes, from: index) }

  private mutating func skipWhitespace() {
    while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
  }

  private static func isOfNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
      UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }
}
