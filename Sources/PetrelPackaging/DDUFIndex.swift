// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the `model_index.json` in a DDUF file says about a pipeline.
///
/// Sources: Hugging Face's description of DDUF (a zip archive of uncompressed entries); PKWARE's APPNOTE.TXT, sections
/// 4.3 and 4.5.3 for archives over 4 GiB.
struct DDUFIndex {
  /// `FluxPipeline`.
  let className: String?
  let diffusersVersion: String?

  private static let entryName = Array("model_index.json".utf8)
  private static let largestDirectory: UInt64 = 16 << 20
  private static let largestIndex: UInt64 = 1 << 20

  /// Nil when the file is no archive of that kind, or has no such entry.
  init?(reading file: LocalFile) throws(PackagingError) {
    guard let directory = try Self.directory(of: file), let place = Self.entry(in: directory),
      place.size <= Self.largestIndex, place.header <= UInt64(file.byteCount)
    else { return nil }
    // The local header repeats the name and may have other extra fields than the directory.
    let header = ZipFields(try file.bytes(at: Int64(place.header), count: 30))
    guard header.number(at: 0, bytes: 4) == 0x0403_4B50, let name = header.number(at: 26, bytes: 2),
      let extra = header.number(at: 28, bytes: 2)
    else { return nil }
    let start = Int64(place.header) + 30 + Int64(name) + Int64(extra)
    let bytes = try file.bytes(at: start, count: Int(place.size))
    guard bytes.count == Int(place.size), let view = try? JSONDecoder().decode(View.self, from: Data(bytes)) else {
      return nil
    }
    className = view.className
    diffusersVersion = view.diffusersVersion
  }

  private struct View: Decodable {
    let className: String?
    let diffusersVersion: String?

    enum CodingKeys: String, CodingKey {
      case className = "_class_name"
      case diffusersVersion = "_diffusers_version"
    }
  }

  /// The central directory, found from the archive's end.
  private static func directory(of file: LocalFile) throws(PackagingError) -> [UInt8]? {
    let tailSize = min(file.byteCount, 65_535 + 22)
    let tailStart = file.byteCount - tailSize
    let tail = ZipFields(try file.bytes(at: tailStart, count: Int(tailSize)))
    guard tail.bytes.count >= 22,
      let end = stride(from: tail.bytes.count - 22, through: 0, by: -1)
        .first(where: { tail.number(at: $0, bytes: 4) == 0x0605_4B50 })
    else { return nil }
    var size = tail.number(at: end + 12, bytes: 4)
    var offset = tail.number(at: end + 16, bytes: 4)
    if size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF {
      guard end >= 20, tail.number(at: end - 20, bytes: 4) == 0x0706_4B50,
        let place = tail.number(at: end - 12, bytes: 8), place <= UInt64(file.byteCount)
      else { return nil }
      let wide = ZipFields(try file.bytes(at: Int64(place), count: 56))
      guard wide.number(at: 0, bytes: 4) == 0x0606_4B50 else { return nil }
      size = wide.number(at: 40, bytes: 8)
      offset = wide.number(at: 48, bytes: 8)
    }
    guard let size, let offset, size <= largestDirectory, offset <= UInt64(file.byteCount) else { return nil }
    let bytes = try file.bytes(at: Int64(offset), count: Int(size))
    return bytes.count == Int(size) ? bytes : nil
  }

  /// Where the index's local header is, and how long its content, if that is not compressed.
  private static func entry(in directory: [UInt8]) -> (header: UInt64, size: UInt64)? {
    let fields = ZipFields(directory)
    var start = 0
    while fields.number(at: start, bytes: 4) == 0x0201_4B50 {
      guard let method = fields.number(at: start + 10, bytes: 2), let size = fields.number(at: start + 24, bytes: 4),
        let name = fields.number(at: start + 28, bytes: 2), let extra = fields.number(at: start + 30, bytes: 2),
        let comment = fields.number(at: start + 32, bytes: 2), let header = fields.number(at: start + 42, bytes: 4)
      else { return nil }
      let nameStart = start + 46
      if directory.dropFirst(nameStart).prefix(Int(name)).elementsEqual(entryName) {
        // It is small and comes first in all archives there are: what needs 64 bits is something else.
        return method == 0 && header != 0xFFFF_FFFF ? (header, size) : nil
      }
      start = nameStart + Int(name) + Int(extra) + Int(comment)
    }
    return nil
  }
}

/// Little-endian numbers at any place; nil past the end.
private struct ZipFields {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func number(at offset: Int, bytes count: Int) -> UInt64? {
    guard offset >= 0, offset <= bytes.count - count else { return nil }
    return bytes[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
