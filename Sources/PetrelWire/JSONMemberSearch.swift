// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Finds members by their name at any depth, without looking at what is between them.
package enum JSONMemberSearch {
  /// Where the values of all members called `name` begin.
  ///
  /// - Parameter bytes: valid JSON; of other bytes nothing is promised but an end.
  package static func values(of name: String, in bytes: UnsafeRawBufferPointer) -> [Int] {
    var found: [Int] = []
    var index = 0
    while let opening = position(of: UInt8(ascii: "\""), in: bytes, from: index),
      let closing = endOfString(in: bytes, from: opening + 1)
    {
      index = skipBlanks(in: bytes, from: closing + 1)
      guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { continue }
      index = skipBlanks(in: bytes, from: index + 1)
      if isName(name, bytes[(opening + 1)..<closing]) { found.append(index) }
    }
    return found
  }

  /// Whether the bytes hold the text anywhere, in a string or not.
  ///
  /// - Parameter anchor: which byte of the text is looked for first: the search is fast when that one is rare.
  package static func contains(_ text: StaticString, anchor: Int = 0, in bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress else { return false }
    var index = anchor
    while let found = position(of: text.utf8Start[anchor], in: bytes, from: index) {
      let start = found - anchor
      guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
      if memcmp(base + start, text.utf8Start, text.utf8CodeUnitCount) == 0 { return true }
      index = found + 1
    }
    return false
  }

  /// A name may be written with escapes.
  private static func isName(_ name: String, _ content: Slice<UnsafeRawBufferPointer>) -> Bool {
    if content.elementsEqual(name.utf8) { return true }
    // Each character takes six bytes at most: \u006e.
    guard content.count <= name.utf8.count * 6, content.contains(UInt8(ascii: "\\")) else { return false }
    return JSONString.unescape(content) == name
  }

  /// Where the string whose text begins at `start` ends: the index of its closing quote. Nil when it does not.
  package static func endOfString(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var index = start
    while let quote = position(of: UInt8(ascii: "\""), in: bytes, from: index) {
      // An odd number of backslashes escapes it.
      let backslashes = bytes[start..<quote].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
      if backslashes.isMultiple(of: 2) { return quote }
      index = quote + 1
    }
    return nil
  }

  /// Where the byte stands next.
  package static func position(of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard start < bytes.count, let base = bytes.baseAddress,
      let found = memchr(base + start, Int32(byte), bytes.count - start)
    else { return nil }
    return UnsafeRawPointer(found) - base
  }

  /// Where the next byte is that is no white space.
  package static func skipBlanks(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return index
      }
    }
    return index
  }
}
