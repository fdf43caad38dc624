// SPDX-License-Identifier: Apache-2.0

/// The size of an image, as its header declares it. Nothing is unpacked.
///
/// Sources: PNG (W3C), section 11.2.2; GIF89a, section 18; JPEG (ITU T.81), annex B; WebP container specification with
/// RFC 6386, section 9.1, and the WebP lossless specification, section 3; BITMAPINFOHEADER of Microsoft's documentation.
enum ImageHeader: Equatable {
  case size(width: Int, height: Int)
  /// The declaration stands further back.
  case cutOff
  /// None of the formats that are known here.
  case unknown

  /// - Parameter bytes: the beginning of the file, or all of it.
  init(_ bytes: [UInt8]) {
    let file = FileStart(bytes: bytes)
    if file.has([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], at: 0) {
      guard bytes.count >= 24 else {
        self = .cutOff
        return
      }
      // Another chunk before the header may hide another size.
      self = file.has(Array("IHDR".utf8), at: 12) ? Self.sized(file.big32(16), file.big32(20)) : .unknown
    } else if file.has(Array("GIF87a".utf8), at: 0) || file.has(Array("GIF89a".utf8), at: 0) {
      self = bytes.count >= 10 ? Self.sized(file.little16(6), file.little16(8)) : .cutOff
    } else if file.has([0xFF, 0xD8, 0xFF], at: 0) {
      self = Self.jpeg(file)
    } else if file.has(Array("RIFF".utf8), at: 0), file.has(Array("WEBP".utf8), at: 8) {
      self = bytes.count >= 30 ? Self.webP(file) : .cutOff
    } else if file.has(Array("BM".utf8), at: 0) {
      self = bytes.count >= 26 ? Self.bitmap(file) : .cutOff
    } else {
      self = .unknown
    }
  }

  private static func sized(_ width: Int, _ height: Int) -> ImageHeader {
    width > 0 && height > 0 ? .size(width: width, height: height) : .unknown
  }

  private static func bitmap(_ file: FileStart) -> ImageHeader {
    guard file.little32(14) >= 40 else { return .unknown }
    // A height below zero says that the rows stand the other way round.
    return sized(file.little32(18), Int(Int32(truncatingIfNeeded: file.little32(22)).magnitude))
  }

  private static func webP(_ file: FileStart) -> ImageHeader {
    if file.has(Array("VP8X".utf8), at: 12) { return sized(1 + file.little24(24), 1 + file.little24(27)) }
    if file.has(Array("VP8L".utf8), at: 12), file.bytes[20] == 0x2F {
      let bits = file.little32(21)
      return sized(1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF))
    }
    if file.has(Array("VP8 ".utf8), at: 12), file.has([0x9D, 0x01, 0x2A], at: 23) {
      return sized(file.little16(26) & 0x3FFF, file.little16(28) & 0x3FFF)
    }
    return .unknown
  }

  /// Goes from segment to segment until the one that begins a frame.
  private static func jpeg(_ file: FileStart) -> ImageHeader {
    var offset = 2
    while true {
      guard offset + 1 < file.bytes.count else { return .cutOff }
      guard file.bytes[offset] == 0xFF else { return .unknown }
      switch file.bytes[offset + 1] {
      // Fill bytes, and marks that stand alone.
      case 0xFF: offset += 1
      case 0x01, 0xD0...0xD8: offset += 2
      case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
        guard offset + 8 < file.bytes.count else { return .cutOff }
        return sized(file.big16(offset + 7), file.big16(offset + 5))
      // The picture's data or its end, before its size was told.
      case 0xD9, 0xDA: return .unknown
      default:
        guard offset + 3 < file.bytes.count else { return .cutOff }
        let length = file.big16(offset + 2)
        guard length >= 2 else { return .unknown }
        offset += 2 + length
      }
    }
  }
}

/// Numbers at fixed places of a file. The caller makes sure that the file reaches so far.
private struct FileStart {
  let bytes: [UInt8]

  func has(_ text: [UInt8], at offset: Int) -> Bool { bytes.dropFirst(offset).starts(with: text) }

  func little16(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
  func little24(_ offset: Int) -> Int { little16(offset) | Int(bytes[offset + 2]) << 16 }
  func little32(_ offset: Int) -> Int { little24(offset) | Int(bytes[offset + 3]) << 24 }
  func big16(_ offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }
  func big32(_ offset: Int) -> Int { big16(offset) << 16 | big16(offset + 2) }
}
