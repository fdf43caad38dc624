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
        guard let size = try takeChunkSize() else { return nil }
        state = size == 0 ? .trailers : .chunkData(remaining: size)
      case .chunkData(let remaining):
        guard let bytes = take(upTo: remaining) else { return nil }
        let left = remaining - bytes.readableBytes
        state = left == 0 ? .chunkEnd : .chunkData(remaining: left)
        return .body(bytes)
      case .chunkEnd:
        guard let isEmpty = try takeLine() else { return nil }
        guard isEmpty else { throw Malformed(reason: "a chunk is longer than its size") }
        state = .chunkSize
      case .trailers:
        guard let isEmpty = try takeLine() else { return nil }
        if isEmpty { return end() }
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
    let available = buffer.readableBytes
    guard available > 0 else { return nil }
    guard limit < available else {
      // The storage is let go of, so that the channel can read into it again.
      defer { buffer = ByteBuffer() }
      return buffer
    }
    return buffer.readSlice(length: limit)
  }

  /// Takes a line off the buffer. Whether it is empty; nil when it has not come whole.
  private mutating func takeLine() throws(Malformed) -> Bool? {
    guard let size = try sizeOfLine() else { return nil }
    defer { buffer.moveReaderIndex(forwardBy: size) }
    return size == 1 || (size == 2 && buffer.getInteger(at: buffer.readerIndex) == UInt8(0x0D))
  }

  /// Takes a line with a chunk's size off the buffer; what stands behind the number means nothing to us.
  private mutating func takeChunkSize() throws(Malformed) -> Int? {
    guard let size = try sizeOfLine() else { return nil }
    let number = buffer.withUnsafeReadableBytes { bytes in
      var end = 0
      while end < size - 1, bytes[end] != UInt8(ascii: ";"), bytes[end] != 0x20, bytes[end] != 0x0D { end += 1 }
      return EngineResponseHead.number(UnsafeRawBufferPointer(rebasing: bytes[..<end]), radix: 16)
    }
    guard let number else { throw Malformed(reason: "a chunk's size is no number") }
    buffer.moveReaderIndex(forwardBy: size)
    return number
  }

  /// With its end; nil when it has not come whole.
  private func sizeOfLine() throws(Malformed) -> Int? {
    let size = buffer.withUnsafeReadableBytes { bytes in bytes.firstIndex(of: 0x0A).map { $0 + 1 } }
    if size == nil, buffer.readableBytes > Self.maximumChunkLine {
      throw Malformed(reason: "a chunk's size line is too long")
    }
    return size
  }

  private mutating func parseHead() throws(Malformed) -> Event? {
    let parsed = buffer.withUnsafeReadableBytes { bytes -> Result<(EngineResponseHead, size: Int), Malformed>? in
      guard let size = EngineResponseHead.size(in: bytes) else { return nil }
      do throws(Malformed) {
        return .success((try EngineResponseHead(parsing: UnsafeRawBufferPointer(rebasing: bytes[..<size])), size))
      } catch {
        return .failure(error)
      }
    }
    guard let (head, size) = try parsed?.get() else {
      guard buffer.readableBytes <= Self.maximumHeadSize else { throw Malformed(reason: "the head is too long") }
      return nil
    }
    buffer.moveReaderIndex(forwardBy: size)
    keepAlive = head.keepAlive
    state =
      switch head.framing {
      case .chunked: .chunkSize
      case .length(let length): .fixed(remaining: length)
      case .untilClose: .untilClose
      }
    return .head(status: head.status, headers: head.headers)
  }
}
