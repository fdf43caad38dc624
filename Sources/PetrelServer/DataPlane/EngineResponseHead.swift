// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Status line and headers of an engine's response, taken apart in one pass over the bytes. Pure.
struct EngineResponseHead {
  enum Framing: Equatable {
    case length(Int)
    case chunked
    case untilClose
  }

  let status: HTTPResponseStatus
  /// Without those that are between the engine and us, and those that are ours to say.
  private(set) var headers = HTTPHeaders()
  private(set) var framing = Framing.untilClose
  private(set) var keepAlive: Bool

  /// - Parameter bytes: the head with its empty line.
  init(parsing bytes: UnsafeRawBufferPointer) throws(EngineResponseParser.Malformed) {
    var lines = Lines(bytes: bytes)
    // "HTTP/1.1 200 OK"
    guard let line = lines.next(), line.count >= 12, Self.begins(line, with: "http/1."),
      let code = Self.number(Self.part(line, 9..<12), radix: 10), code >= 100
    else { throw EngineResponseParser.Malformed(reason: "the status line is malformed") }
    status = HTTPResponseStatus(statusCode: code)
    keepAlive = line[7] != UInt8(ascii: "0")
    headers.reserveCapacity(4)
    var length: Int?
    var isChunked = false
    while let line = lines.next(), !line.isEmpty {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
        throw EngineResponseParser.Malformed(reason: "a header has no colon")
      }
      let name = Self.part(line, 0..<colon)
      let value = Self.trimmed(Self.part(line, (colon + 1)..<line.count))
      if Self.equal(name, "content-length") {
        guard let number = Self.number(value, radix: 10) else {
          throw EngineResponseParser.Malformed(reason: "the length is no number")
        }
        length = number
      } else if Self.equal(name, "transfer-encoding") {
        isChunked = Self.equal(Self.part(value, max(0, value.count - 7)..<value.count), "chunked")
      } else if Self.equal(name, "connection") {
        if Self.equal(value, "close") { keepAlive = false }
      } else if !Self.isWithheld(name) {
        headers.add(name: Self.name(name), value: String(decoding: value, as: UTF8.self))
      }
    }
    if let length, !isChunked { headers.add(name: "Content-Length", value: String(length)) }
    if isChunked {
      framing = .chunked
    } else if code == 204 || code == 304 {
      framing = .length(0)
    } else if let length {
      framing = .length(length)
    } else {
      keepAlive = false
    }
  }

  /// The size of the head at the start of `bytes`, its empty line included; nil when it has not come whole.
  static func size(in bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    while index < bytes.count {
      guard bytes[index] == 0x0A else {
        index += 1
        continue
      }
      if index + 1 < bytes.count, bytes[index + 1] == 0x0A { return index + 2 }
      if index + 2 < bytes.count, bytes[index + 1] == 0x0D, bytes[index + 2] == 0x0A { return index + 3 }
      index += 1
    }
    return nil
  }

  /// Digits and nothing else; nil when there are none, another byte or too many.
  static func number(_ digits: UnsafeRawBufferPointer, radix: Int) -> Int? {
    guard !digits.isEmpty else { return nil }
    var number = 0
    for byte in digits {
      let digit: Int
      switch byte {
      case 0x30...0x39: digit = Int(byte) - 0x30
      case 0x41...0x46: digit = Int(byte) - 0x41 + 10
      case 0x61...0x66: digit = Int(byte) - 0x61 + 10
      default: return nil
      }
      let (product, isTooLarge) = number.multipliedReportingOverflow(by: radix)
      let (sum, isTooLargeNow) = product.addingReportingOverflow(digit)
      guard digit < radix, !isTooLarge, !isTooLargeNow else { return nil }
      number = sum
    }
    return number
  }

  /// Lines without their ends.
  private struct Lines {
    let bytes: UnsafeRawBufferPointer
    var start = 0

    mutating func next() -> UnsafeRawBufferPointer? {
      guard start < bytes.count else { return nil }
      var end = start
      while end < bytes.count, bytes[end] != 0x0A { end += 1 }
      let last = end > start && bytes[end - 1] == 0x0D ? end - 1 : end
      defer { start = end + 1 }
      return UnsafeRawBufferPointer(rebasing: bytes[start..<last])
    }
  }

  /// The most frequent name needs no new text.
  private static func name(_ bytes: UnsafeRawBufferPointer) -> String {
    equal(bytes, "content-type") ? "Content-Type" : String(decoding: bytes, as: UTF8.self)
  }

  private static func isWithheld(_ name: UnsafeRawBufferPointer) -> Bool {
    switch name.count {
    case 6: equal(name, "server")
    case 7: equal(name, "upgrade")
    case 10: equal(name, "keep-alive")
    default: begins(name, with: "access-control-")
    }
  }

  private static func part(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var range = 0..<bytes.count
    while !range.isEmpty, isBlank(bytes[range.lowerBound]) { range = (range.lowerBound + 1)..<range.upperBound }
    while !range.isEmpty, isBlank(bytes[range.upperBound - 1]) { range = range.lowerBound..<(range.upperBound - 1) }
    return part(bytes, range)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Compares with a lower-case ASCII text, without regard to case.
  private static func equal(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    bytes.count == text.utf8CodeUnitCount && begins(bytes, with: text)
  }

  private static func begins(_ bytes: UnsafeRawBufferPointer, with text: StaticString) -> Bool {
    guard bytes.count >= text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount {
      let byte = bytes[index]
      let expected = text.utf8Start[index]
      if byte != expected, byte | 0x20 != expected || !(0x41...0x5A).contains(byte) { return false }
    }
    return true
  }
}
