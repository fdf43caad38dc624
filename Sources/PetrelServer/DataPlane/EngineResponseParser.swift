// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Reads an engine's HTTP/1.1 responses: bytes in at any split, head, body and end out. Pure.
///
/// Framing by RFC 9112, section 6. Engines are trusted more than clients, so only what they send is understood.
struct EngineResponseParser {
  enum Event: Equatable {
    case head(status: HTTPResponseStatus, headers: HTTPHeaders)
    case body(ByteBuffer)
    /// The response is complete; `keepAlive` tells whether the connection can be used again.
    case end(keepAlive: Bool)
  }

  struct Malformed: Error, Equatable {
    let reason: String
  }

  private enum State {
    case head
    case fixed(remaining: Int)
    case chunkSize
    case chunkData(remaining: Int)
    case chunkEnd
    case trailers
    case untilClose
    case finished
  }

  private static let maximumHeadSize = 64 * 1024
  private static let maximumChunkLine = 256

  private var state = State.head
  private var buffer = ByteBuffer()
  private var keepAlive = true

  mutating func feed(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// Starts over for the next response on the same connection.
  mutating func reset() {
    state = .head
    keepAlive = true
  }

  /// Whether bytes have come that belong to no response yet.
  var isEmpty: Bool { buffer.readableBytes == 0 }

  /// The next event, or nil when more bytes are needed.
  mutating func next() throws(Malformed) -> Event? {
    while true {
      switch state {
      case .head:
        guard let head = try parseHead() else { return nil }
        // An interim response, such as 100, is not the answer.
        if case .head(let status, _) = head, status.code < 200 {
          reset()
          continue
        }
        return head
      case .fixed(let remaining):
        guard remaining > 0 else { return end() }
        guard let bytes = take(upTo: remaining) else { return nil }
        state = .fixed(remaining: remaining - bytes.readableBytes)
        return .body(bytes)
      case .chunkSize:
        guard let line = try takeLine() else { return nil }
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 }
        guard let size = Self.number(digits, radix: 16) else {
          throw Malformed(reason: "a chunk's size is no number")
        }
        state = size == 0 ? .trailers : .chunkData(remaining: size)
      case .chunkData(let remaining):
        guard let bytes = take(upTo: remaining) else { return nil }
        let left = remaining - bytes.readableBytes
        state = left == 0 ? .chunkEnd : .chunkData(remaining: left)
        return .body(bytes)
      case .chunkEnd:
        guard let line = try takeLine() else { return nil }
        guard line.isEmpty else { throw Malformed(reason: "a chunk is longer than its size") }
        state = .chunkSize
      case .trailers:
        guard let line = try takeLine() else { return nil }
        if line.isEmpty { return end() }
      case .untilClose:
        return take(upTo: .max).map(Event.body)
      case .finished:
        return nil
      }
    }
  }

  /// The engine closed the connection: the end of a body without length, and an error anywhere else.
  mutating func endOfStream() throws(Malformed) -> Event {
    guard case .untilClose = state else { throw Malformed(reason: "the engine closed the connection") }
    state = .finished
    return .end(keepAlive: false)
  }

  private mutating func end() -> Event {
    state = .finished
    return .end(keepAlive: keepAlive)
  }

  private mutating func take(upTo limit: Int) -> ByteBuffer? {
    guard buffer.readableBytes > 0 else { return nil }
    return buffer.readSlice(length: min(limit, buffer.readableBytes))
  }

  private mutating func takeLine() throws(Malformed) -> ByteBufferView? {
    let view = buffer.readableBytesView
    guard let newline = view.firstIndex(of: 0x0A) else {
      guard view.count <= Self.maximumChunkLine else { throw Malformed(reason: "a chunk's size line is too long") }
      return nil
    }
    let line = view[..<newline]
    buffer.moveReaderIndex(forwardBy: line.count + 1)
    return line.last == 0x0D ? line.dropLast() : line
  }

  private mutating func parseHead() throws(Malformed) -> Event? {
    let view = buffer.readableBytesView
    guard let end = Self.endOfHead(view) else {
      guard view.count <= Self.maximumHeadSize else { throw Malformed(reason: "the head is too long") }
      return nil
    }
    let head = view[..<end]
    buffer.moveReaderIndex(forwardBy: head.count)
    var lines = head.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }[...]
    // "HTTP/1.1 200 OK"
    guard let statusLine = lines.popFirst(), statusLine.starts(with: "HTTP/1.".utf8), statusLine.count >= 12,
      let code = Self.number(statusLine.dropFirst(9).prefix(3), radix: 10), code >= 100
    else { throw Malformed(reason: "the status line is malformed") }
    keepAlive = !statusLine.starts(with: "HTTP/1.0".utf8)
    var headers = HTTPHeaders()
    var contentLength: Int?
    var isChunked = false
    for line in lines where !line.isEmpty {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw Malformed(reason: "a header has no colon") }
      let name = line[..<colon]
      let value = Self.trimmed(line[line.index(after: colon)...])
      if Self.equal(name, "content-length") {
        guard let length = Self.number(value, radix: 10) else { throw Malformed(reason: "the length is no number") }
        contentLength = length
      } else if Self.equal(name, "transfer-encoding") {
        isChunked = Self.equal(value.suffix(7), "chunked")
      } else if Self.equal(name, "connection") {
        if Self.equal(value, "close") { keepAlive = false }
      } else if !Self.isWithheld(name) {
        headers.add(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self))
      }
    }
    if let contentLength, !isChunked { headers.add(name: "Content-Length", value: String(contentLength)) }
    if isChunked {
      state = .chunkSize
    } else if code == 204 || code == 304 {
      state = .fixed(remaining: 0)
    } else if let contentLength {
      state = .fixed(remaining: contentLength)
    } else {
      keepAlive = false
      state = .untilClose
    }
    return .head(status: HTTPResponseStatus(statusCode: code), headers: headers)
  }

  /// Headers between the engine and us, and those that are ours to say.
  private static func isWithheld(_ name: ByteBufferView) -> Bool {
    switch name.count {
    case 6: equal(name, "server")
    case 7: equal(name, "upgrade")
    case 10: equal(name, "keep-alive")
    default: equal(name.prefix(15), "access-control-")
    }
  }

  /// Compares with a lower-case ASCII text, without regard to case.
  private static func equal(_ bytes: ByteBufferView, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    let expected = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return zip(bytes, expected).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 && (0x41...0x5A).contains($0)) }
  }

  /// Digits and nothing else: no sign, which Swift would take.
  private static func number(_ digits: ByteBufferView, radix: Int) -> Int? {
    guard let first = digits.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
    return Int(String(decoding: digits, as: UTF8.self), radix: radix)
  }

  private static func endOfHead(_ view: ByteBufferView) -> Int? {
    var index = view.startIndex
    while let newline = view[index...].firstIndex(of: 0x0A) {
      let next = newline + 1
      if next < view.endIndex, view[next] == 0x0A { return next + 1 }
      if next + 1 < view.endIndex, view[next] == 0x0D, view[next + 1] == 0x0A { return next + 2 }
      index = next
    }
    return nil
  }

  private static func trimmed(_ bytes: ByteBufferView) -> ByteBufferView {
    var bytes = bytes
    while bytes.first == 0x20 || bytes.first == 0x09 { bytes.removeFirst() }
    while bytes.last == 0x20 || bytes.last == 0x09 { bytes.removeLast() }
    return bytes
  }
}
