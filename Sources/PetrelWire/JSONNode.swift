// SPDX-License-Identifier: Apache-2.0

/// A JSON document whose object members keep their order.
///
/// Numbers are kept as their text, so nothing is rounded. Arrays are references already: values need no boxes of their own.
package enum JSONNode: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(String)
  case text(JSONText)
  case array([JSONNode])
  case object([JSONMember])

  /// Compact JSON, escaped as Go's `encoding/json` does it: `<`, `>`, `&`, U+2028 and U+2029 become `\u` escapes,
  /// `/` and U+007F stay as they are. The bytes of manifests and configs, and so their digests, depend on this.
  package func serialized() -> String {
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .number(let value): text += value
    case .text(let value): JSONString.append(value.value, to: &text)
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += "," }
        element.write(to: &text)
      }
      text += "]"
    case .object(let members):
      text += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { text += "," }
        JSONString.append(member.name, to: &text)
        text += ":"
        member.value.write(to: &text)
      }
      text += "}"
    }
  }

  /// Indented JSON for people. HTML characters are not escaped.
  package func pretty(indent: String = "    ") -> String {
    var text = ""
    writePretty(to: &text, indent: indent, depth: 0)
    return text
  }

  private func writePretty(to text: inout String, indent: String, depth: Int) {
    func newline(_ depth: Int) { text += "\n" + String(repeating: indent, count: depth) }
    switch self {
    case .array(let elements) where !elements.isEmpty:
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += "," }
        newline(depth + 1)
        element.writePretty(to: &text, indent: indent, depth: depth + 1)
      }
      newline(depth)
      text += "]"
    case .object(let members) where !members.isEmpty:
      text += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { text += "," }
        newline(depth + 1)
        JSONString.append(member.name, to: &text, escapingHTML: false)
        text += ": "
        member.value.writePretty(to: &text, indent: indent, depth: depth + 1)
      }
      newline(depth)
      text += "}"
    case .text(let value):
      JSONString.append(value.value, to: &text, escapingHTML: false)
    default:
      write(to: &text)
    }
  }
}

/// One `"name": value` pair of a JSON object.
package struct JSONMember: Sendable, Equatable {
  package var name: String
  package var value: JSONNode

  package init(_ name: String, _ value: JSONNode) {
    self.name = name
    self.value = value
  }
}
