// SPDX-License-Identifier: Apache-2.0

/// Takes a tar archive apart while it arrives, in chunks of any size. Keeps no content, only the part of the current
/// header that has arrived.
///
/// Understands plain tar, ustar, pax and GNU tar's long names. Sparse files are refused. Names are as they came: they
/// are for the caller to check.
package struct TarReader: Sendable {
  package struct Entry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
      case file
      case directory
      /// A link, a device, or what no standard knows.
      case other
    }

    package enum Link: Hashable, Sendable {
      /// The target as it was written.
      case symbolic(String)
      /// The name of an entry before.
      case hard(String)
    }

    package let name: String
    package let kind: Kind
    /// Bytes of content; only files have any that is of use.
    package let size: Int64
    /// Permission bits.
    package let mode: Int
    /// Of a link only.
    package var link: Link?
  }

  package enum Event: Hashable, Sendable {
    case begin(Entry)
    /// The next bytes of the entry that began last.
    case bytes(ArraySlice<UInt8>)
    case end
    case endOfArchive
  }

  private enum State {
    case header
    case content(Content, remaining: Int64, padding: Int64)
    case padding(Int64)
    /// One of the two blocks of zeros that end an archive was seen.
    case zeroBlock
    case ended
  }

  private enum Content {
    case entry, skipped
    case paxAttributes, longName, longTarget
  }

  /// Bytes of attributes that an archiver may put before an entry.
  private static let largestAttributes: Int64 = 64 * 1024

  private var state = State.header
  private var block: [UInt8] = []
  private var attributes: [UInt8] = []
  private var nextName: String?
  private var nextTarget: String?
  private var nextSize: Int64?

  package init() {}

  /// Takes the next bytes in. After an error the reader must not be used any more.
  package mutating func consume(_ chunk: [UInt8]) throws(TarError) -> [Event] {
    var events: [Event] = []
    var rest = chunk[...]
    while !rest.isEmpty {
      switch state {
      case .header, .zeroBlock:
        let part = rest.prefix(TarHeader.blockSize - block.count)
        rest = rest.dropFirst(part.count)
        block += part
        if block.count == TarHeader.blockSize { try finishBlock(&events) }
      case .content(let content, let remaining, let padding):
        let part = rest.prefix(Int(min(remaining, Int64(rest.count))))
        rest = rest.dropFirst(part.count)
        switch content {
        case .entry: events.append(.bytes(part))
        case .paxAttributes, .longName, .longTarget: attributes += part
        case .skipped: break
        }
        state = .content(content, remaining: remaining - Int64(part.count), padding: padding)
        try finishContentIfComplete(&events)
      case .padding(let count):
        let skipped = min(count, Int64(rest.count))
        rest = rest.dropFirst(Int(skipped))
        state = skipped == count ? .header : .padding(count - skipped)
      case .ended:
        rest = []
      }
    }
    return events
  }

  /// Bytes of content and padding that come before the next header: who can seek need not feed them, and says so with
  /// ``skipContent()``.
  package var contentAhead: Int64 {
    switch state {
    case .content(_, let remaining, let padding):
      remaining.addingReportingOverflow(padding).overflow ? .max : remaining + padding
    case .padding(let count): count
    case .header, .zeroBlock, .ended: 0
    }
  }

  /// Takes the ``contentAhead`` as read. The entry's `end` is not reported.
  package mutating func skipContent() {
    switch state {
    case .content(.entry, _, _), .content(.skipped, _, _), .padding: state = .header
    case .content, .header, .zeroBlock, .ended: break
    }
  }

  /// To be called when no more bytes come.
  package func finish() throws(TarError) {
    switch state {
    case .ended: break
    // GNU tar, too, is content with one.
    case .zeroBlock where block.isEmpty: break
    default: throw TarError(.truncated, "the archive ends too early")
    }
  }

  private mutating func finishBlock(_ events: inout [Event]) throws(TarError) {
    defer { block.removeAll(keepingCapacity: true) }
    if block.allSatisfy({ $0 == 0 }) {
      if case .zeroBlock = state {
        state = .ended
        events.append(.endOfArchive)
      } else {
        state = .zeroBlock
      }
      return
    }
    if case .zeroBlock = state { throw TarError(.malformed, "the archive goes on after its end mark") }
    let header = try TarHeader(parsing: block)
    switch header.kind {
    case .paxAttributes: try begin(.paxAttributes, header)
    case .longName: try begin(.longName, header)
    case .longTarget: try begin(.longTarget, header)
    case .otherAttributes: try begin(.skipped, header)
    // Old GNU sparse files: more headers may follow, which the size does not count.
    case .unknown(UInt8(ascii: "S")): throw Self.sparse(nextName ?? header.name)
    case .regular, .directory, .headerOnly, .unknown:
      let hasContent = header.kind != .headerOnly && header.kind != .directory
      let size = hasContent ? nextSize ?? header.size : 0
      let kind: Entry.Kind =
        switch header.kind {
        case .regular: .file
        case .directory: .directory
        default: .other
        }
      let target = nextTarget ?? header.target
      let link: Entry.Link? = header.link.map { $0 == .hard ? .hard(target) : .symbolic(target) }
      events.append(
        .begin(Entry(name: nextName ?? header.name, kind: kind, size: size, mode: header.mode, link: link)))
      (nextName, nextSize, nextTarget) = (nil, nil, nil)
      state = .content(.entry, remaining: size, padding: TarHeader.padding(after: size))
    }
    try finishContentIfComplete(&events)
  }

  private mutating func begin(_ content: Content, _ header: TarHeader) throws(TarError) {
    guard header.size <= Self.largestAttributes else {
      throw TarError(.malformed, "the archive has \(header.size) bytes of attributes before an entry")
    }
    attributes = []
    state = .content(content, remaining: header.size, padding: TarHeader.padding(after: header.size))
  }

  private mutating func finishContentIfComplete(_ events: inout [Event]) throws(TarError) {
    guard case .content(let content, remaining: 0, let padding) = state else { return }
    switch content {
    case .entry: events.append(.end)
    case .longName: nextName = String(decoding: attributes.prefix { $0 != 0 }, as: UTF8.self)
    case .longTarget: nextTarget = String(decoding: attributes.prefix { $0 != 0 }, as: UTF8.self)
    case .paxAttributes: try applyPaxAttributes()
    case .skipped: break
    }
    attributes = []
    state = padding == 0 ? .header : .padding(padding)
  }

  /// Source: POSIX.1, `pax`, "pax Extended Header": records of the form `<length> <key>=<value>\n`.
  private mutating func applyPaxAttributes() throws(TarError) {
    let malformed = TarError(.malformed, "the archive has malformed pax attributes")
    var rest = attributes[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 != UInt8(ascii: " ") }
      guard let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 1, length <= rest.count
      else { throw malformed }
      let record = rest.prefix(length).dropFirst(digits.count + 1)
      rest = rest.dropFirst(length)
      guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
        throw malformed
      }
      let value = String(decoding: record[(equals + 1)...].dropLast(), as: UTF8.self)
      switch String(decoding: record[..<equals], as: UTF8.self) {
      case "path": nextName = value
      case "linkpath": nextTarget = value
      case "size":
        guard let size = Int64(value), size >= 0, size <= Self.largestSize else { throw malformed }
        nextSize = size
      case let key where key.hasPrefix("GNU.sparse."): throw Self.sparse(nextName ?? "")
      default: break
      }
    }
  }

  /// Leaves room for the padding.
  private static let largestSize = Int64.max - Int64(TarHeader.blockSize)

  private static func sparse(_ name: String) -> TarError {
    TarError(
      .malformed,
      "the archive's entry \(name.debugDescription) is a sparse file: archive it without the option --sparse")
  }
}
