// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTar

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

  private var reader = TarReader()
  private var isReporting = false
  private var hasManifest = false

  package init() {}

  /// Takes the next bytes in. After an error the reader must not be used any more.
  package mutating func consume(_ chunk: [UInt8]) throws(PackagingError) -> [Event] {
    let events: [TarReader.Event]
    do {
      events = try reader.consume(chunk)
    } catch {
      throw PackagingError(error)
    }
    var reported: [Event] = []
    for event in events {
      switch event {
      case .begin(let entry):
        let entry = try meaning(of: entry)
        isReporting = if case .ignored = entry { false } else { true }
        reported.append(.begin(entry))
      case .bytes(let bytes): if isReporting { reported.append(.bytes(bytes)) }
      case .end: reported.append(.end)
      case .endOfArchive: reported.append(.endOfArchive)
      }
    }
    return reported
  }

  /// To be called when no more bytes come.
  package func finish() throws(PackagingError) {
    do {
      try reader.finish()
    } catch {
      throw PackagingError(.truncatedArchive, "model load interrupted: unexpected EOF")
    }
    guard hasManifest else {
      throw PackagingError(.manifestMissing, "read manifest: manifest not found: the archive has no manifest.json")
    }
  }

  private mutating func meaning(of entry: TarReader.Entry) throws(PackagingError) -> Entry {
    let name = entry.name
    guard entry.kind == .file else { return .ignored(name: name) }
    let parts = name.split(separator: "/", omittingEmptySubsequences: true).filter { $0 != "." }
    guard !parts.contains("..") else {
      throw PackagingError(.invalidPath, "invalid path detected: \(quoted(name))")
    }
    guard !name.hasPrefix("/") else { return .ignored(name: name) }
    if parts == ["manifest.json"] {
      guard !hasManifest else { throw PackagingError(.malformedArchive, "the archive has more than one manifest.json") }
      guard entry.size <= Int64(Manifest.maximumSize) else {
        throw PackagingError(
          .manifestTooLarge, "the archive's manifest has \(entry.size) bytes: more than \(Manifest.maximumSize)")
      }
      hasManifest = true
      return .manifest(size: entry.size)
    }
    guard parts.count == 3, parts[0] == "blobs" || parts[0] == "manifests" else { return .ignored(name: name) }
    guard let digest = Digest(parts[1] + ":" + parts[2]) else {
      throw PackagingError(
        .invalidDigest, "unsafe hash: \(quoted(name)) is not named by sha256 and 64 lower-case hex digits")
    }
    return .blob(digest, size: entry.size)
  }
}
