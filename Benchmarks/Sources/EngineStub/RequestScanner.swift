// SPDX-License-Identifier: Apache-2.0

/// Finds where a request ends. It knows just enough of HTTP/1.1 for clients that send `Content-Length`.
struct RequestScanner {
  /// The size in bytes of the first request, head and body; nil when it is not complete yet.
  static func sizeOfFirstRequest(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let headSize = headSize(in: bytes) else { return nil }
    let size = headSize + contentLength(in: UnsafeRawBufferPointer(rebasing: bytes[..<headSize]))
    return size <= bytes.count ? size : nil
  }

  /// The size of the head with its empty line.
  private static func headSize(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 4 else { return nil }
    var index = 3
    while index < bytes.count {
      switch bytes[index] {
      case newline where bytes[index - 1] == carriageReturn && bytes[index - 2] == newline: return index + 1
      case newline, carriageReturn: index += 1
      // Any other character is none of the last four of a head.
      default: index += 4
      }
    }
    return nil
  }

  /// The value of the `Content-Length` field, 0 without one.
  private static func contentLength(in head: UnsafeRawBufferPointer) -> Int {
    let name = "\ncontent-length:".utf8
    var start = 0
    while start + name.count < head.count {
      if head[start] == newline, matches(head, at: start, name) {
        return number(in: head, from: start + name.count)
      }
      start += 1
    }
    return 0
  }

  /// Whether `text`, in lower case, stands at `start`; letters may be of either case.
  private static func matches(_ head: UnsafeRawBufferPointer, at start: Int, _ text: String.UTF8View) -> Bool {
    var index = start
    for character in text {
      let byte = head[index]
      let isUpperCase = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
      guard (isUpperCase ? byte | 0x20 : byte) == character else { return false }
      index += 1
    }
    return true
  }

  private static func number(in head: UnsafeRawBufferPointer, from start: Int) -> Int {
    var value = 0
    for byte in head[start...] {
      switch byte {
      case UInt8(ascii: " "): continue
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value * 10 + Int(byte - UInt8(ascii: "0"))
      default: return value
      }
    }
    return value
  }

  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
}
