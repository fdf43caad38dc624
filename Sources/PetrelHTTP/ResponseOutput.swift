// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Puts responses into bytes and sends them, the small pieces of a response together in one write.
///
/// Framing by RFC 9112: a body without `Content-Length` is chunked, or ended by the connection's end for HTTP/1.0.
/// Used instead of NIO's encoder because each handler on a response's way costs more than the whole of this.
struct ResponseOutput {
  /// Larger pieces are sent by themselves instead of copied.
  private static let largestCopy = 4096
  /// What is gathered is handed to the channel when it is larger, so that it counts for writability.
  private static let largestGathered = 16 * 1024
  /// Idle connections keep no more than this for the next response.
  private static let largestKept = 2048

  private enum Framing { case none, asIs, chunked }

  private var gathered = ByteBuffer()
  private var framing = Framing.none

  mutating func writeContinue(_ context: ChannelHandlerContext) {
    gathered.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
    flush(context, promise: nil)
  }

  /// - Parameters:
  ///   - more: further headers.
  ///   - connection: the value of `Connection`; nil for none.
  mutating func writeHead(
    _ status: HTTPResponseStatus, _ version: HTTPVersion, _ headers: HTTPHeaders, _ more: HTTPHeaders,
    connection: StaticString?
  ) {
    if gathered.capacity == 0 { gathered.reserveCapacity(512) }
    if status == .ok, version != .http1_0 {
      gathered.writeStaticString("HTTP/1.1 200 OK\r\n")
    } else {
      gathered.writeStaticString(version == .http1_0 ? "HTTP/1.0 " : "HTTP/1.1 ")
      gathered.writeString("\(status.code) \(status.reasonPhrase)\r\n")
    }
    var hasLength = false
    let hasBody = status.mayHaveResponseBody
    for (name, value) in headers where !isOurs(name) {
      if Self.isLength(name) {
        guard hasBody else { continue }
        hasLength = true
      }
      writeHeader(name, value)
    }
    if !more.isEmpty { for (name, value) in more { writeHeader(name, value) } }
    if let connection {
      gathered.writeStaticString("Connection: ")
      gathered.writeStaticString(connection)
      gathered.writeStaticString("\r\n")
    }
    if !hasBody {
      framing = .none
    } else if hasLength || version == .http1_0 {
      framing = .asIs
    } else {
      framing = .chunked
      gathered.writeStaticString("Transfer-Encoding: chunked\r\n")
    }
    gathered.writeStaticString("\r\n")
  }

  mutating func writeBody(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
    guard framing != .none, bytes.readableBytes > 0 else { return }
    if framing == .chunked {
      writeHexadecimal(bytes.readableBytes)
      gathered.writeStaticString("\r\n")
    }
    if bytes.readableBytes <= Self.largestCopy {
      gathered.writeImmutableBuffer(bytes)
    } else {
      handOver(context)
      context.write(NIOAny(bytes), promise: nil)
    }
    if framing == .chunked { gathered.writeStaticString("\r\n") }
    if gathered.readableBytes > Self.largestGathered { handOver(context) }
  }

  /// Ends the body and sends everything.
  mutating func end(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
    if framing == .chunked { gathered.writeStaticString("0\r\n\r\n") }
    framing = .none
    flush(context, promise: promise)
  }

  /// Sends what has been written. The promise succeeds when the bytes are with the kernel.
  mutating func flush(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
    // An empty buffer carries a promise behind what the channel has queued.
    if gathered.readableBytes > 0 || promise != nil {
      context.writeAndFlush(NIOAny(gathered), promise: promise)
      forget()
    } else {
      context.flush()
    }
  }

  private mutating func handOver(_ context: ChannelHandlerContext) {
    guard gathered.readableBytes > 0 else { return }
    context.write(NIOAny(gathered), promise: nil)
    forget()
  }

  /// Storage that the channel has let go of, as it mostly has by now, is used again.
  private mutating func forget() {
    if gathered.capacity <= Self.largestKept { gathered.clear() } else { gathered = ByteBuffer() }
  }

  // MARK: Text

  private mutating func writeHeader(_ name: String, _ value: String) {
    let size = name.utf8.count + value.utf8.count + 4
    gathered.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { line in
      var end = Self.copy(name, to: line, at: 0)
      line[end] = UInt8(ascii: ":")
      line[end + 1] = UInt8(ascii: " ")
      end = Self.copy(value, to: line, at: end + 2)
      line[end] = 0x0D
      line[end + 1] = 0x0A
      return size
    }
  }

  /// Control characters would let a value end its line; they become spaces (RFC 9110, section 5.5).
  ///
  /// - Returns: where the copy ends.
  private static func copy(_ text: String, to line: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
    var text = text
    return text.withUTF8 { bytes in
      for index in 0..<bytes.count {
        let byte = bytes[index]
        line[start + index] = byte < 0x20 && byte != 0x09 ? 0x20 : byte
      }
      return start + bytes.count
    }
  }

  private mutating func writeHexadecimal(_ number: Int) {
    var shift = (Int.bitWidth - 1 - number.leadingZeroBitCount) / 4 * 4
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: number >> shift) & 0xF
      gathered.writeInteger(digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a"))
      shift -= 4
    }
  }

  /// Headers that this writes itself.
  private func isOurs(_ name: String) -> Bool {
    switch name.utf8.count {
    case 10: name.lowercased() == "connection"
    case 17: name.lowercased() == "transfer-encoding"
    default: false
    }
  }

  private static func isLength(_ name: String) -> Bool {
    name.utf8.count == 14 && (name == "Content-Length" || name.lowercased() == "content-length")
  }
}
