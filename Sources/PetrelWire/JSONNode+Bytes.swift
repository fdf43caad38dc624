// SPDX-License-Identifier: Apache-2.0

extension JSONNode {
  /// Appends compact JSON with only those escapes that JSON demands. For messages between programs; manifests and
  /// configs have ``serialized()``.
  package func append(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .number(let value): bytes.append(contentsOf: value.utf8)
    case .text(let value): value.append(to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.append(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        JSONString.append(member.name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.append(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  /// Compact JSON as of ``append(to:)``.
  package var bytes: [UInt8] { bytes(reserving: 0) }

  /// The same, where it is known about how many they are.
  package func bytes(reserving count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    append(to: &bytes)
    return bytes
  }
}

extension JSONString {
  private static let hexBytes = Array("0123456789abcdef".utf8)

  /// Appends `value` as a quoted JSON string with only those escapes that JSON demands.
  package static func append(_ value: String, to bytes: inout [UInt8]) {
    var value = value
    value.withUTF8 { utf8 in
      let text = UnsafeRawBufferPointer(utf8)
      bytes.append(UInt8(ascii: "\""))
      var start = 0
      while true {
        let end = endOfPlainText(in: text, from: start)
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<end]))
        guard end < text.count else { break }
        appendEscape(text[end], to: &bytes)
        start = end + 1
      }
      bytes.append(UInt8(ascii: "\""))
    }
  }

  private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0..<0x20:
      bytes.append(contentsOf: "u00".utf8)
      bytes.append(hexBytes[Int(byte >> 4)])
      bytes.append(hexBytes[Int(byte & 0xF)])
    default: bytes.append(byte)
    }
  }
}
