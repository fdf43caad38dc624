// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Tells from the bytes of a request whether a rule may fit to its system prompt. Builds nothing and looks at the
/// beginnings of a few lines only, so that it may be asked for every request.
package struct PromptScan: Sendable {
  package let rules: PromptRules
  /// The beginnings that are looked for, in lower case, up to the first character that JSON may write in another way.
  private let beginnings: [[UInt8]]

  package init(_ rules: PromptRules) {
    self.rules = rules
    beginnings = (rules.dropped + rules.moved).map { beginning in
      Array(beginning.utf8.prefix { (0x20..<0x7F).contains($0) && !"\"\\/<>&".utf8.contains($0) }.map(Self.lower))
    }
  }

  /// Whether the rules have to be applied to find out.
  ///
  /// - Parameter offset: where the value of `messages` begins.
  package func mayApply(toMessagesAt offset: Int, of bytes: UnsafeRawBufferPointer) -> Bool {
    guard !beginnings.isEmpty, let text = Self.systemPrompt(at: offset, of: bytes) else { return false }
    return mayApply(toTextAt: text, of: bytes)
  }

  // MARK: Lines

  private func mayApply(toTextAt start: Int, of bytes: UnsafeRawBufferPointer) -> Bool {
    guard let end = JSONMemberSearch.endOfString(in: bytes, from: start) else { return false }
    let text = UnsafeRawBufferPointer(rebasing: bytes[..<end])
    var line = start
    for _ in 0..<PromptRules.lines {
      if isBeginning(at: Self.skipBlanks(in: text, from: line), of: text) { return true }
      guard let next = Self.nextLine(in: text, from: line) else { return false }
      line = next
    }
    return false
  }

  private func isBeginning(at index: Int, of text: UnsafeRawBufferPointer) -> Bool {
    guard index < text.count else { return false }
    if Self.mayBeAny(text[index]) { return true }
    return beginnings.contains { beginning in
      guard index + beginning.count <= text.count else { return false }
      for (offset, byte) in beginning.enumerated() {
        let found = text[index + offset]
        if Self.mayBeAny(found) { return true }
        if Self.lower(found) != byte { return false }
      }
      return true
    }
  }

  /// Blanks, and tabulators in the way in which JSON writes them.
  private static func skipBlanks(in text: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    while index < text.count {
      if text[index] == UInt8(ascii: " ") {
        index += 1
      } else if lineEnd(at: index, in: text) != nil {
        // An empty line.
        return text.count
      } else if text[index] == UInt8(ascii: "\\"), index + 1 < text.count, text[index + 1] == UInt8(ascii: "t") {
        index += 2
      } else {
        break
      }
    }
    return index
  }

  /// The beginning of the line after the one that `start` is in.
  private static func nextLine(in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var index = start
    while index < text.count {
      if let length = lineEnd(at: index, in: text) { return index + length }
      index += text[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return nil
  }

  /// How many bytes a line end takes at `index`, in any way of writing it. Nil when there is none. CR LF is one.
  private static func lineEnd(at index: Int, in text: UnsafeRawBufferPointer) -> Int? {
    guard let first = newline(at: index, in: text) else { return nil }
    guard first.code == 0x0D, let second = newline(at: index + first.length, in: text), second.code == 0x0A else {
      return first.length
    }
    return first.length + second.length
  }

  /// The characters that the rules take for a line end. Control characters below 0x20 stand in JSON as escapes only.
  private static func newline(at index: Int, in text: UnsafeRawBufferPointer) -> (code: UInt32, length: Int)? {
    guard index + 1 < text.count else { return nil }
    let next = text[index + 1]
    switch text[index] {
    case UInt8(ascii: "\\"):
      switch next {
      case UInt8(ascii: "n"): return (0x0A, 2)
      case UInt8(ascii: "f"): return (0x0C, 2)
      case UInt8(ascii: "r"): return (0x0D, 2)
      case UInt8(ascii: "u"):
        guard index + 6 <= text.count,
          let code = UInt32(String(decoding: text[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
        else { return nil }
        switch code {
        case 0x0A...0x0D, 0x85, 0x2028, 0x2029: return (code, 6)
        default: return nil
        }
      default: return nil
      }
    case 0xC2: return next == 0x85 ? (0x85, 2) : nil
    case 0xE2:
      guard next == 0x80, index + 2 < text.count, text[index + 2] == 0xA8 || text[index + 2] == 0xA9 else { return nil }
      return (0x2028, 3)
    default: return nil
    }
  }

  /// A character that is written as an escape may be any. Some others are blanks to the rules, or letters in another
  /// case, as the sign for Kelvin is: their bytes begin so.
  private static func mayBeAny(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\\"), 0xC2, 0xE1, 0xE2, 0xE3: true
    default: false
    }
  }

  private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

  // MARK: The first message

  /// Where the text of the system prompt begins with which the messages begin.
  private static func systemPrompt(at offset: Int, of bytes: UnsafeRawBufferPointer) -> Int? {
    guard let message = inside("[", at: offset, of: bytes), message < bytes.count, bytes[message] == UInt8(ascii: "{")
    else { return nil }
    var isSystem = false
    var content: Int?
    members(ofObjectAt: message, of: bytes) { name, value in
      if name.elementsEqual("role".utf8) {
        isSystem = hasText("system", at: value, of: bytes) || hasText("developer", at: value, of: bytes)
        // Of others nothing more has to be read.
        return isSystem && content == nil
      }
      if name.elementsEqual("content".utf8) { content = value }
      return !isSystem || content == nil
    }
    guard isSystem, let content, content < bytes.count else { return nil }
    if bytes[content] == UInt8(ascii: "\"") { return content + 1 }
    guard let part = inside("[", at: content, of: bytes), part < bytes.count, bytes[part] == UInt8(ascii: "{") else {
      return nil
    }
    var text: Int?
    members(ofObjectAt: part, of: bytes) { name, value in
      if name.elementsEqual("text".utf8), bytes[value] == UInt8(ascii: "\"") { text = value + 1 }
      return text == nil
    }
    return text
  }

  /// The first thing in an array or object.
  private static func inside(_ opening: Unicode.Scalar, at offset: Int, of bytes: UnsafeRawBufferPointer) -> Int? {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: opening) else { return nil }
    return JSONMemberSearch.skipBlanks(in: bytes, from: offset + 1)
  }

  private static func hasText(_ text: String, at offset: Int, of bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes[offset] == UInt8(ascii: "\""), let end = JSONMemberSearch.endOfString(in: bytes, from: offset + 1)
    else { return false }
    return bytes[(offset + 1)..<end].elementsEqual(text.utf8)
  }

  /// - Parameter visit: gets the name without quotes, and where the value begins; false ends the walk.
  private static func members(
    ofObjectAt offset: Int, of bytes: UnsafeRawBufferPointer, _ visit: (Slice<UnsafeRawBufferPointer>, Int) -> Bool
  ) {
    var index = JSONMemberSearch.skipBlanks(in: bytes, from: offset + 1)
    while index < bytes.count, bytes[index] == UInt8(ascii: "\""),
      let end = JSONMemberSearch.endOfString(in: bytes, from: index + 1)
    {
      let colon = JSONMemberSearch.skipBlanks(in: bytes, from: end + 1)
      let value = JSONMemberSearch.skipBlanks(in: bytes, from: colon + 1)
      guard value < bytes.count, visit(bytes[(index + 1)..<end], value), let after = endOfValue(at: value, of: bytes)
      else { return }
      index = JSONMemberSearch.skipBlanks(in: bytes, from: after)
      guard index < bytes.count, bytes[index] == UInt8(ascii: ",") else { return }
      index = JSONMemberSearch.skipBlanks(in: bytes, from: index + 1)
    }
  }

  private static func endOfValue(at offset: Int, of bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes[offset] == UInt8(ascii: "\"") else {
      return JSONEnvelope.value(at: offset, of: bytes)?.range.upperBound
    }
    return JSONMemberSearch.endOfString(in: bytes, from: offset + 1).map { $0 + 1 }
  }
}
