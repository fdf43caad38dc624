// SPDX-License-Identifier: Apache-2.0

// Documents written in code: `["type": "text", "index": 0]`. Members keep the order in which they are written.

extension JSONNode: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral members: (String, JSONNode)...) {
    self = .object(members.map { JSONMember($0.0, $0.1) })
  }
}

extension JSONNode: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: JSONNode...) { self = .array(elements) }
}

extension JSONNode: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .string(value) }
}

extension JSONNode: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int) { self = .number(String(value)) }
}

extension JSONNode: ExpressibleByBooleanLiteral {
  package init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONNode: ExpressibleByNilLiteral {
  package init(nilLiteral: ()) { self = .null }
}

extension JSONNode {
  package static func number(_ value: Int) -> JSONNode { .number(String(value)) }

  package static func string(_ value: String) -> JSONNode { .text(JSONText(value)) }

  /// The member called `name`, unless it is absent or null.
  package func present(_ name: String) -> JSONNode? {
    guard let value = self[name], !value.isNull else { return nil }
    return value
  }
}
