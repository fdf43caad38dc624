// SPDX-License-Identifier: Apache-2.0

/// Where the members of a JSON object's top level stand, found by one pass over the bytes.
///
/// A proxied body stays the client's bytes: this looks at it without rebuilding it, checks the syntax of the whole
/// (RFC 8259, valid UTF-8 included) and allocates only for the members that were asked for.
package struct JSONEnvelope: Sendable, Equatable {
  /// The value of one member: its bytes are `range` of the document.
  package struct Value: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
      case string, number, bool(Bool), null, object, array
    }
    package var kind: Kind
    package var range: Range<Int>

    /// The text of a string, escapes resolved. Nil for other values.
    package func string(in bytes: UnsafeRawBufferPointer) -> String? {
      guard kind == .string else { return nil }
      let content = bytes[range].dropFirst().dropLast()
      if !content.contains(UInt8(ascii: "\\")) { return String(decoding: content, as: UTF8.self) }
      return JSONString.unescape(content)
    }
  }

  /// Deeper documents are refused, so that no input can exhaust the stack.
  package static let maximumDepth = 256

  private var values: [(name: StaticString, value: Value)]

  /// Scans `bytes`, which must hold one JSON object and nothing else but white space.
  ///
  /// - Parameter names: the members to note, plain ASCII. Of duplicates the last counts.
  package init(scanning bytes: UnsafeRawBufferPointer, for names: [StaticString]) throws(JSONSyntaxError) {
    var scanner = JSONScanner(bytes)
    values = []
    try scanner.scanEnvelope { nameRange, value in
      let name = UnsafeRawBufferPointer(rebasing: bytes[nameRange])
      guard let match = Self.match(name, names) else { return }
      values.removeAll { $0.name.utf8Start == match.utf8Start }
      values.append((match, value))
    }
  }

  /// Scans the object that begins at `offset` of a document, whatever follows it. Ranges count from the document's start.
  package init(
    objectAt offset: Int, of bytes: UnsafeRawBufferPointer, for names: [StaticString]
  ) throws(JSONSyntaxError) {
    var scanner = JSONScanner(bytes, at: offset)
    values = []
    try scanner.scanMembers { nameRange, value in
      let name = UnsafeRawBufferPointer(rebasing: bytes[nameRange])
      guard let match = Self.match(name, names) else { return }
      values.removeAll { $0.name.utf8Start == match.utf8Start }
      values.append((match, value))
    }
  }

  /// Which of `names` a member's name is. It may be written with escapes.
  private static func match(_ name: UnsafeRawBufferPointer, _ names: [StaticString]) -> StaticString? {
    if let match = names.first(where: { $0.equals(name) }) { return match }
    guard name.contains(UInt8(ascii: "\\")) else { return nil }
    return Array(JSONString.unescape(name[...]).utf8).withUnsafeBytes { plain in names.first { $0.equals(plain) } }
  }

  /// The elements of the array that begins at `offset` of a document, whatever follows it.
  package static func elements(
    at offset: Int, of bytes: UnsafeRawBufferPointer
  ) throws(JSONSyntaxError) -> [Value] {
    var scanner = JSONScanner(bytes, at: offset)
    var elements: [Value] = []
    try scanner.scanElements { elements.append($0) }
    return elements
  }

  /// The value that begins at `offset` of a document, whatever follows it. Nil when none does.
  package static func value(at offset: Int, of bytes: UnsafeRawBufferPointer) -> Value? {
    var scanner = JSONScanner(bytes, at: offset)
    return try? scanner.scanNext()
  }

  /// The members that were found.
  package var members: [(name: StaticString, value: Value)] { values }

  package subscript(name: StaticString) -> Value? {
    values.first { $0.name.utf8Start == name.utf8Start || $0.name.description == name.description }?.value
  }

  package static func == (left: JSONEnvelope, right: JSONEnvelope) -> Bool {
    left.values.elementsEqual(right.values) { $0.name.description == $1.name.description && $0.value == $1.value }
  }

  /// The text of a string member, escapes resolved. Nil when it is absent or no string.
  package func string(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> String? {
    self[name]?.string(in: bytes)
  }

  /// The value of a boolean member; nil when it is absent or no boolean.
  package func bool(_ name: StaticString) -> Bool? {
    if case .bool(let value) = self[name]?.kind { value } else { nil }
  }
}

/// Why bytes are not the JSON that was expected.
package struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
  package let message: String
  /// Bytes from the start.
  package let offset: Int

  package var description: String { "\(message) at byte \(offset)" }
}

extension StaticString {
  fileprivate func equals(_ bytes: UnsafeRawBufferPointer) -> Bool {
    utf8CodeUnitCount == bytes.count
      && bytes.elementsEqual(UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount))
  }
}
