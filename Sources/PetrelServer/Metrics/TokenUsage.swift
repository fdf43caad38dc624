// SPDX-License-Identifier: Apache-2.0

import NIOCore

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Tokens of one request, as the engine counts them.
struct TokenUsage: Sendable, Equatable {
  var input = 0
  var output = 0
  /// Of llama.cpp's `timings`, which count less than `usage` where there are both.
  var isOfTimings = false

  /// How much of each end of a piece is looked at: engines tell near the end, and of embeddings at the beginning.
  static let reach = 1024

  /// What a piece of an answer says of tokens; nil when it says nothing. Streams without OpenAI's `usage` have it in
  /// llama.cpp's `timings`.
  ///
  /// Looks for the names alone and parses no JSON. A text that quotes these objects has its quotation marks escaped, so it
  /// is not mistaken for one.
  init?(in piece: ByteBuffer) {
    let found = piece.withUnsafeReadableBytes { bytes -> TokenUsage? in
      let end = UnsafeRawBufferPointer(rebasing: bytes.suffix(Self.reach))
      if let usage = Self.read(end) { return usage }
      guard bytes.count > Self.reach else { return nil }
      return Self.read(UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.reach)))
    }
    guard let found else { return nil }
    self = found
  }

  /// The same of bytes that are looked at from end to end.
  init?(inAllOf bytes: ByteBuffer) {
    guard let found = bytes.withUnsafeReadableBytes(Self.read) else { return nil }
    self = found
  }

  init(input: Int, output: Int, isOfTimings: Bool = false) {
    self.input = input
    self.output = output
    self.isOfTimings = isOfTimings
  }

  private static func read(_ bytes: UnsafeRawBufferPointer) -> TokenUsage? {
    guard let start = bytes.baseAddress else { return nil }
    var timings: TokenUsage?
    var index = 0
    // The beginnings of objects are few, so that each event of a stream costs little.
    while index < bytes.count, let found = memchr(start + index, Int32(UInt8(ascii: "{")), bytes.count - index) {
      let brace = UnsafeRawPointer(found) - start
      index = brace + 1
      let rest = UnsafeRawBufferPointer(rebasing: bytes[index...])
      if ends(bytes, at: brace, with: "\"usage\":"), let input = number("\"prompt_tokens\":", in: rest) {
        return TokenUsage(input: input, output: number("\"completion_tokens\":", in: rest) ?? 0)
      }
      if ends(bytes, at: brace, with: "\"timings\":"), let input = number("\"prompt_n\":", in: rest) {
        let cached = number("\"cache_n\":", in: rest) ?? 0
        timings = TokenUsage(
          input: input + cached, output: number("\"predicted_n\":", in: rest) ?? 0, isOfTimings: true)
      }
    }
    return timings
  }

  private static func ends(_ bytes: UnsafeRawBufferPointer, at end: Int, with text: StaticString) -> Bool {
    let start = end - text.utf8CodeUnitCount
    guard start >= 0, let base = bytes.baseAddress else { return false }
    return memcmp(base + start, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  /// The number behind the first `name`.
  private static func number(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
    let size = name.utf8CodeUnitCount
    guard bytes.count > size else { return nil }
    guard let end = (size..<bytes.count).first(where: { ends(bytes, at: $0, with: name) }) else { return nil }
    var number = 0
    var index = end
    // A billion tokens is no real count, and more digits would overflow.
    while index < min(bytes.count, end + 9), (0x30...0x39).contains(bytes[index]) {
      number = number * 10 + Int(bytes[index]) - 0x30
      index += 1
    }
    // At the end of the bytes it may go on.
    return index == end || index == bytes.count ? nil : number
  }
}
