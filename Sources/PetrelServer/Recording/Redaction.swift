// SPDX-License-Identifier: Apache-2.0

import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Takes secrets out of what is recorded. Pure.
///
/// Bodies are read as they are, byte by byte: what has been cut, and what is no JSON at all, is redacted too. The time
/// is proportional to the size.
package struct Redaction: Sendable {
  package static let mask = "[redacted]"
  /// Names of fields, and patterns of keys that well-known services give out.
  package static let builtIn = [
    "authorization", "x-api-key", "api_key", "access_token", "refresh_token", "client_secret", "password", "secret",
    "sk-????????????????*", "hf_????????????????*", "ghp_????????????????*",
  ]
  /// JSON in strings in JSON.
  private static let maximumDepth = 4
  /// Longer objects are taken for no schema. Their members are looked at again, so that all in all the time would not
  /// be proportional to the size.
  private static let longestSchema = 16 * 1024

  /// What a word of JSON Schema says.
  private enum Keyword {
    case plain
    /// The type of the value, or where it is said.
    case type, mark
    /// A value.
    case value
  }

  private static let keywords: [String: Keyword] = {
    var keywords: [String: Keyword] = ["type": .type]
    for name in ["$ref", "anyOf", "oneOf", "allOf", "enum"] { keywords[name] = .mark }
    for name in ["default", "const", "example", "examples"] { keywords[name] = .value }
    for name in [
      "description", "title", "format", "pattern", "nullable", "properties", "required", "items", "prefixItems",
      "additionalProperties", "patternProperties", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
      "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "not",
      "$defs", "definitions", "$schema", "$id", "deprecated", "readOnly", "writeOnly",
    ] { keywords[name] = .plain }
    return keywords
  }()

  private let fields: Set<[UInt8]>
  private let patterns: [[UInt8]]

  /// - Parameter rules: with `*` (any characters) or `?` (one character) a pattern that whole words are compared with,
  ///   else the name of a JSON field whose value goes. In names, case, `-` and `_` do not matter.
  package init(rules: [String] = builtIn) {
    let isPattern = { (rule: String) in rule.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") } }
    fields = Set(rules.filter { !isPattern($0) }.map { Self.normalized($0.utf8) })
    patterns = rules.filter(isPattern).map { Array($0.utf8) }
  }

  package func apply(_ text: String) -> String {
    redacted(Array(text.utf8), depth: 0).map { String(decoding: $0, as: UTF8.self) } ?? text
  }

  private static func normalized(_ name: some Sequence<UInt8>) -> [UInt8] {
    name.compactMap { byte in
      switch byte {
      case UInt8(ascii: "-"), UInt8(ascii: "_"): nil
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
      default: byte
      }
    }
  }

  /// Nil when nothing had to go.
  private func redacted(_ text: [UInt8], depth: Int) -> [UInt8]? {
    let first = withoutFields(text, depth: depth)
    let second = withoutWords(first ?? text)
    return second ?? first
  }

  // MARK: Fields

  private func withoutFields(_ whole: [UInt8], depth: Int) -> [UInt8]? {
    guard !fields.isEmpty, depth < Self.maximumDepth else { return nil }
    let text = whole[...]
    var output: [UInt8] = []
    var copied = 0
    var position = 0
    func replace(_ range: Range<Int>, _ replacement: [UInt8]) {
      output += text[copied..<range.lowerBound]
      output += replacement
      copied = range.upperBound
    }
    let mask = Array("\"\(Self.mask)\"".utf8)
    while let string = Self.string(in: text, from: position) {
      position = string.upperBound
      guard let value = Self.valueStart(in: text, afterName: string.upperBound) else {
        // A value. It may hold JSON of its own, as the arguments of tools do.
        if let inner = redactedInside(text[string], depth: depth) { replace(string, inner) }
        continue
      }
      position = value
      guard isField(text[string]), value < text.endIndex else { continue }
      for range in Self.values(in: text, from: value) {
        replace(range, mask)
        position = range.upperBound
      }
    }
    guard copied > 0 else { return nil }
    return output + text[copied...]
  }

  private func redactedInside(_ literal: ArraySlice<UInt8>, depth: Int) -> [UInt8]? {
    guard Self.holdsQuotes(literal),
      let inner = try? JSONDecoder().decode(String.self, from: Data(literal)),
      let clean = withoutFields(Array(inner.utf8), depth: depth + 1)
    else { return nil }
    return Array(JSONNode.string(String(decoding: clean, as: UTF8.self)).serialized().utf8)
  }

  /// Quotes may be written as `\"` and as `\u0022`.
  private static func holdsQuotes(_ literal: ArraySlice<UInt8>) -> Bool {
    var index = literal.startIndex
    while let escape = literal[index...].firstIndex(of: UInt8(ascii: "\\")), escape + 1 < literal.endIndex {
      let rest = literal[(escape + 1)...]
      if rest.first == UInt8(ascii: "\"") || rest.starts(with: "u0022".utf8) { return true }
      index = min(escape + 2, literal.endIndex)
    }
    return false
  }

  private func isField(_ literal: ArraySlice<UInt8>) -> Bool {
    var name = literal.dropFirst().dropLast()
    if name.contains(UInt8(ascii: "\\")), let text = try? JSONDecoder().decode(String.self, from: Data(literal)) {
      name = ArraySlice(text.utf8)
    }
    return fields.contains(Self.normalized(name))
  }

  /// The next string with its quotes. One that is cut ends with the text.
  private static func string(in text: ArraySlice<UInt8>, from position: Int) -> Range<Int>? {
    guard let start = text[position...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
    var end = start + 1
    while end < text.endIndex, text[end] != UInt8(ascii: "\"") { end += text[end] == UInt8(ascii: "\\") ? 2 : 1 }
    return start..<min(end + 1, text.endIndex)
  }

  /// Where the value begins, if what ends at `position` was the name of a member.
  private static func valueStart(in text: ArraySlice<UInt8>, afterName position: Int) -> Int? {
    let colon = skipBlanks(text, position)
    guard colon < text.endIndex, text[colon] == UInt8(ascii: ":") else { return nil }
    return skipBlanks(text, colon + 1)
  }

  private static func skipBlanks(_ text: ArraySlice<UInt8>, _ position: Int) -> Int {
    text[position...].firstIndex { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 } ?? text.endIndex
  }

  /// What is to be masked of the value at `position`: scalars, one by one in an array of nothing else, or all of an
  /// array or an object. Nothing of a schema, which says how such a member is to look.
  private static func values(in text: ArraySlice<UInt8>, from position: Int) -> [Range<Int>] {
    if text[position] == UInt8(ascii: "{") {
      let window = text[position..<min(position + longestSchema, text.endIndex)]
      guard let end = closing(in: window, from: position) else {
        return [position..<containerEnd(in: text, from: position)]
      }
      return isSchema(text[position..<end]) || skipBlanks(window, position + 1) >= end - 1 ? [] : [position..<end]
    }
    let found = scalars(in: text, from: position)
    guard text[position] == UInt8(ascii: "[") else { return found }
    let end = containerEnd(in: text, from: position)
    return skipBlanks(text, found.last?.upperBound ?? position + 1) >= end - 1 ? found : [position..<end]
  }

  /// Whether an object says of which JSON type a value is to be, or where that is said, and nothing else. One that holds
  /// a value for an example is none.
  private static func isSchema(_ object: ArraySlice<UInt8>) -> Bool {
    var saysType = false
    var position = object.startIndex + 1
    while let name = string(in: object, from: position) {
      guard let value = valueStart(in: object, afterName: name.upperBound), value < object.endIndex else {
        return false
      }
      let keyword = String(decoding: object[name].dropFirst().dropLast(), as: UTF8.self)
      guard let use = keywords[keyword] else { return false }
      switch use {
      case .plain: break
      case .mark: saysType = true
      case .type:
        // A secret may have a type of its own: {"type": "bearer", "value": …}.
        guard object[value] == UInt8(ascii: "[") || isType(string(in: object, from: value).map { object[$0] }) else {
          return false
        }
        saysType = true
      // null, true and false.
      case .value: guard "ntf".utf8.contains(object[value]) else { return false }
      }
      switch object[value] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): position = containerEnd(in: object, from: value)
      case UInt8(ascii: "\""): position = string(in: object, from: value)?.upperBound ?? object.endIndex
      default: position = value
      }
    }
    return saysType
  }

  private static func isType(_ literal: ArraySlice<UInt8>?) -> Bool {
    guard let literal else { return false }
    return ["string", "number", "integer", "boolean", "object", "array", "null"].contains {
      literal.dropFirst().dropLast().elementsEqual($0.utf8)
    }
  }

  /// Where the array or object at `position` ends. One that is cut ends with the text.
  private static func containerEnd(in text: ArraySlice<UInt8>, from position: Int) -> Int {
    closing(in: text, from: position) ?? text.endIndex
  }

  /// Where the array or object at `position` ends. Nil when it is cut.
  private static func closing(in text: ArraySlice<UInt8>, from position: Int) -> Int? {
    var depth = 0
    var index = position
    while index < text.endIndex {
      switch text[index] {
      case UInt8(ascii: "\""):
        index = string(in: text, from: index)?.upperBound ?? text.endIndex
        continue
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        if depth == 0 { return index + 1 }
      default: break
      }
      index += 1
    }
    return nil
  }

  /// The value at `position` if it is a string or a number, or those at the beginning of the array there.
  private static func scalars(in text: ArraySlice<UInt8>, from position: Int) -> [Range<Int>] {
    guard text[position] == UInt8(ascii: "[") else { return scalar(in: text, at: position).map { [$0] } ?? [] }
    var found: [Range<Int>] = []
    var next = skipBlanks(text, position + 1)
    while next < text.endIndex, let range = scalar(in: text, at: next) {
      found.append(range)
      let comma = skipBlanks(text, range.upperBound)
      guard comma < text.endIndex, text[comma] == UInt8(ascii: ",") else { break }
      next = skipBlanks(text, comma + 1)
    }
    return found
  }

  private static func scalar(in text: ArraySlice<UInt8>, at position: Int) -> Range<Int>? {
    switch text[position] {
    case UInt8(ascii: "\""): return string(in: text, from: position)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return position..<(text[position...].firstIndex { !isNumber($0) } ?? text.endIndex)
    default: return nil
    }
  }

  private static func isNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
      UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  // MARK: Words

  private func withoutWords(_ text: [UInt8]) -> [UInt8]? {
    guard !patterns.isEmpty else { return nil }
    var output: [UInt8] = []
    var copied = 0
    var position = 0
    while position < text.endIndex {
      let byte = text[position]
      if byte == UInt8(ascii: "\\") {
        // An escape stands between words: `\n`, `\"`, `\u0020`.
        let isUnicode = position + 1 < text.endIndex && text[position + 1] == UInt8(ascii: "u")
        position += isUnicode ? 6 : 2
      } else if !Self.isWord(byte) {
        position += 1
      } else {
        let end = text[position...].firstIndex { !Self.isWord($0) } ?? text.endIndex
        let word = text[position..<end]
        if patterns.contains(where: { Self.matches(word, $0) }) {
          output += text[copied..<position]
          output += Self.mask.utf8
          copied = end
        }
        position = end
      }
    }
    guard copied > 0 else { return nil }
    return output + text[copied...]
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), 0x80...:
      true
    default: "-_.+@/~%#$&".utf8.contains(byte)
    }
  }

  private static func matches(_ word: ArraySlice<UInt8>, _ pattern: [UInt8]) -> Bool {
    var at = word.startIndex
    var part = 0
    /// Where the last star was, and how far it reached.
    var star: (part: Int, at: Int)?
    while at < word.endIndex {
      if part < pattern.count, pattern[part] == UInt8(ascii: "*") {
        star = (part, at)
        part += 1
      } else if part < pattern.count, pattern[part] == UInt8(ascii: "?") || pattern[part] == word[at] {
        part += 1
        at += 1
      } else if let last = star {
        star = (last.part, last.at + 1)
        part = last.part + 1
        at = last.at + 1
      } else {
        return false
      }
    }
    return pattern[part...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
