// SPDX-License-Identifier: Apache-2.0

/// Builds a value while a ``JSONScanner`` goes over its bytes: a document is read once.
struct JSONBuilder {
  /// Shorter texts are read at once: a reference to the document would cost more.
  private static let longText = 64

  private let bytes: UnsafeRawBufferPointer
  private var scanner: JSONScanner
  /// What long texts refer to; made for the first of them.
  private var source: JSONSource?
  private var valueCount = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    scanner = JSONScanner(bytes)
  }

  mutating func document() throws(JSONSyntaxError) -> JSONNode {
    scanner.skipWhitespace()
    let value = try value(depth: 0)
    scanner.skipWhitespace()
    guard scanner.isAtEnd else { throw scanner.error("unexpected bytes after the JSON value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONNode {
    valueCount += 1
    guard valueCount <= JSONNode.maximumValues else {
      throw JSONSyntaxError(message: "more than \(JSONNode.maximumValues) values", offset: scanner.index)
    }
    switch scanner.peek() {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "t"):
      try scanner.scanLiteral("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try scanner.scanLiteral("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try scanner.scanLiteral("null")
      return .null
    default:
      let start = scanner.index
      try scanner.scanNumber()
      return .number(plain(start..<scanner.index))
    }
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONNode {
    try scanner.enter(depth: depth)
    var members: [JSONMember] = []
    guard scanner.peek() != UInt8(ascii: "}") else {
      scanner.skipByte()
      return .object(members)
    }
    // Most objects have a few members: growing one by one takes more time than the members themselves.
    members.reserveCapacity(4)
    while true {
      let name = string(try scanner.scanMemberName())
      members.append(JSONMember(name, try value(depth: depth)))
      guard try scanner.goesOn(until: UInt8(ascii: "}")) else { return .object(members) }
    }
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONNode {
    try scanner.enter(depth: depth)
    var elements: [JSONNode] = []
    guard scanner.peek() != UInt8(ascii: "]") else {
      scanner.skipByte()
      return .array(elements)
    }
    while true {
      scanner.skipWhitespace()
      elements.append(try value(depth: depth))
      guard try scanner.goesOn(until: UInt8(ascii: "]")) else { return .array(elements) }
    }
  }

  private mutating func text() throws(JSONSyntaxError) -> JSONText {
    let content = try scanner.scanString()
    guard content.range.count >= Self.longText, content.escapes != .foreign,
      let range = Range(exactly: content.range)
    else { return JSONText(string(content)) }
    let source = source ?? JSONSource(copying: bytes)
    self.source = source
    return JSONText(source, range)
  }

  private func string(_ content: JSONScanner.StringContent) -> String {
    content.escapes == .none
      ? plain(content.range) : JSONString.read(UnsafeRawBufferPointer(rebasing: bytes[content.range]))
  }

  private func plain(_ range: Range<Int>) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
  }
}

extension Range<Int32> {
  fileprivate init?(exactly range: Range<Int>) {
    guard let start = Int32(exactly: range.lowerBound), let end = Int32(exactly: range.upperBound) else { return nil }
    self = start..<end
  }
}
