// SPDX-License-Identifier: Apache-2.0

extension JSONNode {
  /// Documents with more values are refused: each takes some 50 bytes of memory, and two of text.
  package static let maximumValues = 2_000_000

  /// Parses one JSON value (RFC 8259, valid UTF-8). Members keep their order, duplicates included, and numbers their
  /// text. Documents deeper than ``JSONEnvelope/maximumDepth`` are refused.
  package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONSyntaxError) {
    var builder = JSONBuilder(bytes)
    self = try builder.document()
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

  package var string: String? { if case .text(let text) = self { text.value } else { nil } }
  package var isText: Bool { if case .text = self { true } else { false } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var elements: [JSONNode]? { if case .array(let value) = self { value } else { nil } }
  package var members: [JSONMember]? { if case .object(let value) = self { value } else { nil } }
  package var isNull: Bool { if case .null = self { true } else { false } }
  /// The same, without the document that it is from: for what is kept longer than that.
  package var detached: JSONNode {
    switch self {
    case .null, .bool, .number: self
    case .text(let text): .string(text.value)
    case .array(let elements): .array(elements.map(\.detached))
    case .object(let members): .object(members.map { JSONMember($0.name, $0.value.detached) })
    }
  }

  /// The text of a number.
  package var number: String? { if case .number(let value) = self { value } else { nil } }
  /// An integral number, also when it is written as `4096.0`.
  package var integer: Int? {
    guard let number else { return nil }
    return Int(number) ?? Double(number).flatMap(Int.init(exactly:))
  }
  package var double: Double? { number.flatMap(Double.init) }
}
