// SPDX-License-Identifier: Apache-2.0

/// One dispatched event of a `text/event-stream`.
package struct SSEEvent: Sendable, Equatable {
  /// The `event:` field; nil when the server named none (a plain message).
  package var name: String?
  /// The `data:` lines, joined by newlines.
  package var data: String

  package init(name: String? = nil, data: String) {
    self.name = name
    self.data = data
  }
}

/// A line or an event is longer than the decoder accepts.
package struct SSELimitError: Error, Sendable, Equatable, CustomStringConvertible {
  package let maximumBytes: Int

  package var description: String { "the event stream has an event of more than \(maximumBytes) bytes" }
}

/// Decodes server-sent events from bytes in pieces of any size.
///
/// Lines end in LF, CR LF or CR, a leading byte order mark is dropped, comments and the fields `id` and `retry` are
/// skipped. Source: WHATWG HTML standard, section "Interpreting an event stream".
package struct SSEDecoder: Sendable {
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
  private static let lf: UInt8 = 0x0A
  private static let cr: UInt8 = 0x0D

  private let maximumBytes: Int
  private var line: [UInt8] = []
  private var name: String?
  private var data: [UInt8]?
  private var isFirstLine = true
  private var lastWasCR = false

  /// - Parameter maximumBytes: limit of one line and of one event's data.
  package init(maximumBytes: Int = 16 << 20) {
    self.maximumBytes = maximumBytes
  }

  /// The events that `bytes` complete. After an error the decoder must not be used again.
  package mutating func decode(_ bytes: some Sequence<UInt8>) throws(SSELimitError) -> [SSEEvent] {
    try Array(bytes).withUnsafeBytes { bytes -> Result<[SSEEvent], SSELimitError> in
      do throws(SSELimitError) { return .success(try decode(bytes)) } catch { return .failure(error) }
    }.get()
  }

  /// The events that `bytes` complete. After an error the decoder must not be used again.
  package mutating func decode(_ bytes: UnsafeRawBufferPointer) throws(SSELimitError) -> [SSEEvent] {
    var events: [SSEEvent] = []
    // The LF of a CR LF ends no second line.
    var start = lastWasCR && bytes.first == Self.lf ? 1 : 0
    if !bytes.isEmpty { lastWasCR = false }
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      guard byte == Self.lf || byte == Self.cr else {
        index += 1
        continue
      }
      try appendToLine(bytes[start..<index])
      if let event = try endLine() { events.append(event) }
      index += 1
      if byte == Self.cr {
        lastWasCR = index == bytes.count
        if !lastWasCR, bytes[index] == Self.lf { index += 1 }
      }
      start = index
    }
    if start < bytes.count { try appendToLine(bytes[start...]) }
    return events
  }

  private mutating func appendToLine(_ bytes: Slice<UnsafeRawBufferPointer>) throws(SSELimitError) {
    guard line.count + bytes.count <= maximumBytes else { throw SSELimitError(maximumBytes: maximumBytes) }
    line.append(contentsOf: bytes)
  }

  /// The event that the end of the stream left without its closing blank line. The standard drops it; model servers
  /// are known to end like this after their last event, so it is given back.
  package mutating func finish() throws(SSELimitError) -> SSEEvent? {
    if !line.isEmpty, let event = try endLine() { return event }
    return dispatch()
  }

  private mutating func endLine() throws(SSELimitError) -> SSEEvent? {
    defer {
      line.removeAll(keepingCapacity: true)
      isFirstLine = false
    }
    var content = line[...]
    if isFirstLine, content.starts(with: Self.byteOrderMark) { content = content.dropFirst(3) }
    if content.isEmpty { return dispatch() }

    let colon = content.firstIndex(of: UInt8(ascii: ":")) ?? content.endIndex
    var value = content[colon...].dropFirst()
    if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
    switch String(decoding: content[..<colon], as: UTF8.self) {
    case "data":
      var collected = data.map { $0 + [Self.lf] } ?? []
      guard collected.count + value.count <= maximumBytes else { throw SSELimitError(maximumBytes: maximumBytes) }
      collected.append(contentsOf: value)
      data = collected
    case "event":
      name = String(decoding: value, as: UTF8.self)
    default:
      break
    }
    return nil
  }

  private mutating func dispatch() -> SSEEvent? {
    defer {
      name = nil
      data = nil
    }
    return data.map { SSEEvent(name: name, data: String(decoding: $0, as: UTF8.self)) }
  }
}
