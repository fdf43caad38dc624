// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// The head of a request, its target taken apart.
package struct RequestHead: Sendable {
  package let method: HTTPMethod
  package let headers: HTTPHeaders
  package let version: HTTPVersion
  /// Percent-decoded, cleaned of empty, `.` and `..` segments: `/models/ai/smollm2`.
  package let path: String
  /// The part after `?` as it came, without the mark; empty when there is none.
  package let query: Substring
  /// The host, perhaps with a port, of an absolute target. It counts instead of the `Host` header (RFC 9112, section
  /// 3.2.2). Nil for other targets.
  package let authority: String?
  /// Whether it came over a Unix socket, so from somebody who may open that, and not from any network.
  package let isFromUnixSocket: Bool

  /// Nil when the target is no path or its escapes are no UTF-8.
  init?(_ head: HTTPRequestHead, isFromUnixSocket: Bool = false) {
    self.isFromUnixSocket = isFromUnixSocket
    method = head.method
    headers = head.headers
    version = head.version
    // Nearly every target is a clean path without a query, and this is on the way of every request.
    if Self.isPlain(head.uri) {
      path = head.uri
      query = ""
      authority = nil
      return
    }
    var target = Substring(head.uri)
    var authority: Substring?
    // An absolute target (RFC 9112, section 3.2.2) counts as its path.
    if target.utf8.first != UInt8(ascii: "/"), let scheme = target.firstRange(of: "://") {
      let rest = target[scheme.upperBound...]
      authority = rest.prefix { $0 != "/" && $0 != "?" }
      target = rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
    }
    self.authority = authority.map(String.init)
    guard target.utf8.first == UInt8(ascii: "/") else { return nil }
    let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
    query = mark.map { target[target.index(after: $0)...] } ?? ""
    guard let path = Self.clean(mark.map { target[..<$0] } ?? target) else { return nil }
    self.path = path
  }

  /// The decoded value of the first query item called `name`; empty when it has none.
  package func queryItem(_ name: String) -> String? {
    for item in query.split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard Self.decode(parts[0], plusIsSpace: true) == name else { continue }
      return parts.count == 2 ? Self.decode(parts[1], plusIsSpace: true) ?? "" : ""
    }
    return nil
  }

  private static func clean(_ path: Substring) -> String? {
    guard let decoded = decode(path, plusIsSpace: false) else { return nil }
    var segments: [Substring] = []
    for segment in decoded.split(separator: "/", omittingEmptySubsequences: true) where segment != "." {
      if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
    }
    return "/" + segments.joined(separator: "/")
  }

  /// Whether the target is a path that needs no cleaning, and no more.
  private static func isPlain(_ target: String) -> Bool {
    var target = target
    return target.withUTF8 { bytes in
      guard bytes.first == UInt8(ascii: "/") else { return false }
      var previous: UInt8 = 0
      for byte in bytes {
        if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "?") { return false }
        if previous == UInt8(ascii: "/"), byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".") { return false }
        previous = byte
      }
      return previous != UInt8(ascii: "/") || bytes.count == 1
    }
  }

  private static func decode(_ text: Substring, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(hexValue), let low = iterator.next().flatMap(hexValue) else {
          return nil
        }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
      default: bytes.append(byte)
      }
    }
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
