// SPDX-License-Identifier: Apache-2.0

/// Reads numbers and strings one after the other through a small window of the source. No count or length is believed
/// before it was compared with the bytes that are left.
struct GGUFReader {
  enum Layout {
    /// Version 1 has counts and lengths of 32 bits, later versions of 64.
    case narrow, wide
  }

  private(set) var position: UInt64 = 0
  var layout = Layout.wide
  var isBigEndian = false

  private let source: any GGUFSource
  private let size: UInt64
  private var window: [UInt8] = []
  private var windowStart: UInt64 = 0
  private var retainedText: UInt64 = 0
  private var walkedElements: UInt64 = 0

  init(_ source: any GGUFSource) {
    self.source = source
    size = source.size
  }

  var remaining: UInt64 { size - position }

  /// Bytes of a count or a length.
  var lengthSize: UInt64 { layout == .narrow ? 4 : 8 }

  mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, _ what: @autoclosure () -> String
  ) throws(GGUFError) -> Value {
    let count = Value.bitWidth / 8
    let start = try require(count, what())
    var value: Value = 0
    for index in 0..<count {
      let byte = window[start + (isBigEndian ? index : count - 1 - index)]
      value = Value(truncatingIfNeeded: UInt64(value) << 8) | Value(byte)
    }
    position += UInt64(count)
    return value
  }

  /// A count of things that take at least `minimumSize` bytes each, all of which must fit into the rest of the file.
  mutating func count(
    of what: @autoclosure () -> String, minimumSize: UInt64, limit: UInt64 = .max
  ) throws(GGUFError) -> UInt64 {
    let start = position
    let count = try length("the number of \(what())")
    guard count <= remaining / minimumSize else {
      throw GGUFError(
        .truncated, "\(count) \(what()) announced at offset \(start), but only \(remaining) bytes follow")
    }
    guard count <= limit else {
      throw GGUFError(.tooLarge, "\(count) \(what()) announced at offset \(start): more than \(limit)")
    }
    return count
  }

  /// A string without white space at either end. Nil if it has more than `limit` bytes: then it is skipped.
  mutating func string(_ what: @autoclosure () -> String, limit: UInt64) throws(GGUFError) -> String? {
    let start = position
    let length = try stringLength(what())
    guard length <= limit else {
      position += length
      return nil
    }
    guard length <= GGUFLimits.retainedText - retainedText else {
      throw GGUFError(
        .tooLarge, "the texts up to \(what()) at offset \(start) take more than \(GGUFLimits.retainedText) bytes")
    }
    retainedText += length
    let bytes = try take(Int(length), what())
    return Self.trimmed(String(decoding: bytes, as: UTF8.self))
  }

  mutating func skipString(_ what: @autoclosure () -> String) throws(GGUFError) {
    position += try stringLength(what())
  }

  /// Skips `count` values of `size` bytes each.
  mutating func skip(_ count: UInt64, of size: Int, _ what: @autoclosure () -> String) throws(GGUFError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: UInt64(size))
    guard !overflow, bytes <= remaining else { throw truncated(what()) }
    position += bytes
  }

  /// Notes that `count` elements are about to be walked over, and refuses more than any model has.
  mutating func willWalk(_ count: UInt64) throws(GGUFError) {
    guard count <= GGUFLimits.walkedElements - walkedElements else {
      throw GGUFError(
        .tooLarge, "the arrays up to offset \(position) have more than \(GGUFLimits.walkedElements) elements")
    }
    walkedElements += count
  }

  private mutating func length(_ what: String) throws(GGUFError) -> UInt64 {
    switch layout {
    case .narrow: UInt64(try integer(UInt32.self, what))
    case .wide: try integer(UInt64.self, what)
    }
  }

  private mutating func stringLength(_ what: @autoclosure () -> String) throws(GGUFError) -> UInt64 {
    let start = position
    let length = try length("the length of \(what())")
    guard length <= remaining else {
      throw GGUFError(
        .truncated, "\(what()) at offset \(start) announces \(length) bytes, but only \(remaining) follow")
    }
    return length
  }

  private mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws(GGUFError) -> ArraySlice<UInt8> {
    if count > GGUFLimits.window {
      let bytes = try source.read(at: position, count: count)
      guard bytes.count == count else { throw truncated(what()) }
      position += UInt64(count)
      return bytes[...]
    }
    let start = try require(count, what())
    position += UInt64(count)
    return window[start..<(start + count)]
  }

  /// Makes sure that the window holds the next `count` bytes, and tells where in it they begin.
  private mutating func require(_ count: Int, _ what: @autoclosure () -> String) throws(GGUFError) -> Int {
    if position >= windowStart, position - windowStart <= UInt64(window.count) {
      let start = Int(position - windowStart)
      if window.count - start >= count { return start }
    }
    guard remaining >= UInt64(count) else { throw truncated(what()) }
    window = try source.read(at: position, count: Int(min(remaining, UInt64(GGUFLimits.window))))
    windowStart = position
    guard window.count >= count else { throw truncated(what()) }
    return 0
  }

  private func truncated(_ what: String) -> GGUFError {
    GGUFError(.truncated, "the file ends within \(what) at offset \(position)")
  }

  private static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }
}
