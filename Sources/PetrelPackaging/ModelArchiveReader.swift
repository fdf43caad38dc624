// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Takes an archive of a model apart while it arrives, in chunks of any size. Keeps no content, only the part of the
/// current header that has arrived.
///
/// Accepts ``ModelArchive``, what the reference exports, and what GNU and BSD tar make of the same files. Entries that
/// are neither a blob nor the manifest are skipped. Digests of blobs are for the caller to check.
package struct ModelArchiveReader: Sendable {
  package enum Entry: Hashable, Sendable {
    case blob(Digest, size: Int64)
    case manifest(size: Int64)
    /// Its content is not reported.
    case ignored(name: String)
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
    case reported, skipped
    case paxAttributes, longName
    case unreported
  }

  /// Bytes of attributes that an archiver may put before an entry.
  private static let largestAttributes: Int64 = 64 * 1024

  private var state = State.header
  private var block: [UInt8] = []
  private var attributes: [UInt8] = []
  private var nextName: String?
  private var nextSize: Int64?
  private var hasManifest = false

  package init() {}

  /// Takes the next bytes in. After an error the reader must not be used any more.
  package mutating func consume(_ chunk: [UInt8]) throws(PackagingError) -> [Event] {
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
        case .reported: events.append(.bytes(part))
        case .paxAttributes, .longName: attributes += part
        case .skipped, .unreported: break
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

  /// To be called when no more bytes come.
  package mutating func finish() throws(PackagingError) {
    switch state {
    case .ended: break
    // GNU tar, too, is content with one.
    case .zeroBlock where block.isEmpty: break
    default: throw PackagingError(.truncatedArchive, "model load interrupted: unexpected EOF")
    }
    guard hasManifest else {
      throw PackagingError(.manifestMissing, "read manifest: manifest not found: the archive has no manifest.json")
    }
  }

  private mutating func finishBlock(_ events: inout [Event]) throws(PackagingError) {
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
    if case .zeroBlock = state {
      throw PackagingError(.malformedArchive, "the archive goes on after its end mark")
    }
    let header = try TarHeader(parsing: block)
    switch header.kind {
    case .paxAttributes: try begin(.paxAttributes, header)
    case .longName: try begin(.longName, header)
    case .otherAttributes: try begin(.skipped, header)
    case .regular, .headerOnly, .unknown:
      let name = nextName ?? header.name
      let size = header.kind == .headerOnly ? 0 : nextSize ?? header.size
      (nextName, nextSize) = (nil, nil)
      let entry = try entry(name: name, size: size, kind: header.kind)
      events.append(.begin(entry))
      let isReported = if case .ignored = entry { false } else { true }
      state = .content(
        isReported ? .reported : .unreported, remaining: size, padding: TarHeader.padding(after: size))
    }
    try finishContentIfComplete(&events)
  }

  private mutating func begin(_ content: Content, _ header: TarHeader) throws(PackagingError) {
    guard header.size <= Self.largestAttributes else {
      throw PackagingError(.malformedArchive, "the archive has \(header.size) bytes of attributes before an entry")
    }
    attributes = []
    state = .content(content, remaining: header.size, padding: TarHeader.padding(after: header.size))
  }

  private mutating func finishContentIfComplete(_ events: inout [Event]) throws(PackagingError) {
    guard case .content(let content, remaining: 0, let padding) = state else { return }
    switch content {
    case .reported, .unreported: events.append(.end)
    case .longName: nextName = String(decoding: attributes.prefix { $0 != 0 }, as: UTF8.self)
    case .paxAttributes: try applyPaxAttributes()
    case .skipped: break
    }
    attributes = []
    state = padding == 0 ? .header : .padding(padding)
  }

  private mutating func entry(name: String, size: Int64, kind: TarHeader.Kind) throws(PackagingError) -> Entry {
    // Old GNU sparse files: more headers may follow, which the size does not count.
    if kind == .unknown(UInt8(ascii: "S")) { throw sparse(name) }
    guard kind == .regular else { return .ignored(name: name) }
    let parts = name.split(separator: "/", omittingEmptySubsequences: true).filter { $0 != "." }
    guard !parts.contains("..") else {
      throw PackagingError(.invalidPath, "invalid path detected: \(quoted(name))")
    }
    guard !name.hasPrefix("/") else { return .ignored(name: name) }
    if parts == ["manifest.json"] {
      guard !hasManifest else { throw PackagingError(.malformedArchive, "the archive has more than one manifest.json") }
      guard size <= Int64(Manifest.maximumSize) else {
        throw PackagingError(
          .manifestTooLarge, "the archive's manifest has \(size) bytes: more than \(Manifest.maximumSize)")
      }
      hasManifest = true
      return .manifest(size: size)
    }
    guard parts.count == 3, parts[0] == "blobs" || parts[0] == "manifests" else { return .ignored(name: name) }
    guard let digest = Digest(parts[1] + ":" + parts[2]) else {
      throw PackagingError(
        .invalidDigest, "unsafe hash: \(quoted(name)) is not named by sha256 and 64 lower-case hex digits")
    }
    return .blob(digest, size: size)
  }

  /// Source: POSIX.1, `pax`, "pax Extended Header": records of the form `<length> <key>=<value>\n`.
  private mutating func applyPaxAttributes() throws(PackagingError) {
    let malformed = PackagingError(.malformedArchive, "the archive has malformed pax attributes")
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
      case "size":
        guard let size = Int64(value), size >= 0 else { throw malformed }
        nextSize = size
      case let key where key.hasPrefix("GNU.sparse."): throw sparse(nextName ?? "")
      default: break
      }
    }
  }

  private func sparse(_ name: String) -> PackagingError {
    PackagingError(
      .malformedArchive, "the archive's entry \(quoted(name)) is a sparse file: archive it without the option --sparse")
  }
}
