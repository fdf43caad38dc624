// SPDX-License-Identifier: Apache-2.0

/// What the beginning of a file of sound says, in the forms that engines read: WAV, FLAC and MP3. Engines go by these
/// marks, and take everything else for an image.
///
/// Sources: RFC 9639, section 8 (FLAC); ID3v2.4, section 3 (tags before MP3 and FLAC); Microsoft's and IBM's "Multimedia
/// Programming Interface and Data Specifications 1.0", chapter 3 (WAV).
enum SoundHeader: Equatable {
  case sound
  /// A tag, or a chunk of WAV before the one that matters, reaches to the end of the bytes, or nearly.
  case cutOff
  /// WAV with fewer than ``leastRate`` samples a second.
  case tooSlow
  /// FLAC that does not say how long it is, or is longer than ``mostSeconds``. It may be packed to next to nothing.
  case tooLong
  case unknown

  /// Bytes of FLAC's mark and first block of metadata.
  private static let firstBlock = 42

  static let mostSeconds = 4 * 60 * 60
  /// Engines bring all sound to one rate: what has next to none becomes gigabytes.
  static let leastRate = 1000
  /// Of WAV, before the samples. Real files have a few.
  private static let mostChunks = 64

  init<Bytes: RandomAccessCollection>(_ bytes: Bytes) where Bytes.Element == UInt8 {
    if bytes.starts(with: "RIFF".utf8) {
      self = bytes.dropFirst(8).starts(with: "WAVE".utf8) ? Self.wave(bytes.dropFirst(12)) : .unknown
      return
    }
    var rest = bytes[...]
    var hasTag = false
    while rest.starts(with: "ID3".utf8) {
      let head = Array(rest.prefix(10))
      guard head.count == 10 else {
        self = .cutOff
        return
      }
      let size = head[6...].reduce(0) { $0 << 7 | Int($1 & 0x7F) }
      let hasFooter = head[5] & 0x10 != 0
      let whole = 10 + size + (hasFooter ? 10 : 0)
      // What follows must be there as far as it is looked at.
      guard rest.count - whole >= Self.firstBlock else {
        self = .cutOff
        return
      }
      rest = rest.dropFirst(whole)
      hasTag = true
    }
    if rest.starts(with: "fLaC".utf8) {
      self = Self.flac(Array(rest.prefix(Self.firstBlock)))
    } else if rest.starts(with: "OggS".utf8) {
      // FLAC too, but it does not say here how long it is.
      self = .unknown
    } else {
      let start = Array(rest.prefix(2))
      let isFrame = start.count == 2 && start[0] == 0xFF && start[1] & 0xE0 == 0xE0
      self = hasTag || isFrame ? .sound : .unknown
    }
  }

  /// Looks at all that comes before the samples.
  ///
  /// - Parameter chunks: from the first on.
  private static func wave<Bytes: RandomAccessCollection>(_ chunks: Bytes) -> SoundHeader
  where Bytes.Element == UInt8 {
    var rest = chunks[...]
    var hasForm = false
    for _ in 0..<mostChunks {
      let head = Array(rest.prefix(16))
      if hasForm, head.starts(with: "data".utf8) { return .sound }
      guard head.count == 16 else { return .cutOff }
      func number(at offset: Int) -> Int { head[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) } }
      if head.starts(with: "fmt ".utf8) {
        // Which of two an engine would go by is not known.
        guard !hasForm else { return .unknown }
        guard number(at: 12) >= leastRate else { return .tooSlow }
        hasForm = true
      }
      let length = number(at: 4)
      // Chunks have even lengths.
      rest = rest.dropFirst(8 + length + length % 2)
    }
    return .unknown
  }

  /// - Parameter bytes: the mark, and the first block of metadata.
  private static func flac(_ bytes: [UInt8]) -> SoundHeader {
    guard bytes.count == firstBlock, bytes[4] & 0x7F == 0, Array(bytes[5...7]) == [0, 0, 34] else { return .unknown }
    let rate = Int(bytes[18]) << 12 | Int(bytes[19]) << 4 | Int(bytes[20]) >> 4
    let samples = bytes[22...25].reduce(Int(bytes[21] & 0x0F)) { $0 << 8 | Int($1) }
    return rate > 0 && samples > 0 && samples <= rate * mostSeconds ? .sound : .tooLong
  }
}
