// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// What the checkpoint file of a ``ChunkedBlob`` says: lines of text, only ever appended to.
///
/// ```
/// petrel-chunks 1 sha256:<hex> <bytes of the blob> <bytes of a chunk>
/// w <chunk> <checksum>     the chunk is in the file
/// s <n>                    the first n of the lines above that begin with w are about bytes that are on the disk
/// x <chunk>                the chunk is wrong after all
/// p <n>                    the first n bytes of the file come from another program's unfinished download
/// ```
///
/// A line that a crash cut off ends the file: nothing after it counts.
struct ChunkRecords: Equatable {
  struct Entry: Equatable {
    var checksum: UInt64
    /// How many lines that begin with `w` came before its own.
    var line: Int
  }

  let layout: ChunkLayout
  /// By chunk.
  private(set) var entries: [Int: Entry] = [:]
  /// Lines that begin with `w`.
  private(set) var written = 0
  /// As many of them are about bytes that were on the disk before the file said so.
  private(set) var durable = 0
  /// Bytes that came from another program, of which no checksum is known.
  private(set) var adopted: Int64 = 0
  /// Chunks that have no entry because they were wrong.
  private(set) var dropped: Set<Int> = []
  /// Bytes of the file that make sense.
  private(set) var length = 0

  init(layout: ChunkLayout) { self.layout = layout }

  /// Nil when the file is not about this blob.
  init?(parsing bytes: [UInt8], digest: Digest, size: Int64) {
    guard let headEnd = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let head = Self.words(bytes[..<headEnd])
    guard head.count == 5, head[0] == "petrel-chunks", head[1] == "1", head[2] == digest.description,
      Int64(head[3]) == size, let chunkSize = Int64(head[4]), chunkSize > 0, chunkSize <= 1 << 32
    else { return nil }
    layout = ChunkLayout(size: size, chunkSize: chunkSize)
    length = headEnd + 1
    while let end = bytes[length...].firstIndex(of: UInt8(ascii: "\n")), apply(Self.words(bytes[length..<end])) {
      length = end + 1
    }
  }

  /// Whether the chunk's bytes were flushed before that was written down.
  func isDurable(_ chunk: Int) -> Bool { entries[chunk].map { $0.line < durable } ?? false }

  /// The chunks that are not known to be durable, by the number of their line.
  var unflushed: [Int: Int] {
    Dictionary(uniqueKeysWithValues: entries.filter { $0.value.line >= durable }.map { ($0.value.line, $0.key) })
  }

  static func head(_ digest: Digest, _ layout: ChunkLayout) -> String {
    "petrel-chunks 1 \(digest) \(layout.size) \(layout.chunkSize)\n"
  }

  static func line(written chunk: Int, checksum: UInt64) -> String { "w \(chunk) \(String(checksum, radix: 16))\n" }
  static func line(durable count: Int) -> String { "s \(count)\n" }
  static func line(dropped chunk: Int) -> String { "x \(chunk)\n" }

  static func line(adopted bytes: Int64) -> String { "p \(bytes)\n" }

  private mutating func apply(_ words: [Substring]) -> Bool {
    guard words.count >= 2, let number = Int(words[1]), number >= 0 else { return false }
    switch (words[0], words.count) {
    case ("w", 3):
      guard number < layout.count, let checksum = UInt64(words[2], radix: 16) else { return false }
      entries[number] = Entry(checksum: checksum, line: written)
      dropped.remove(number)
      written += 1
    case ("s", 2):
      guard number <= written else { return false }
      durable = max(durable, number)
    case ("x", 2):
      entries[number] = nil
      dropped.insert(number)
    case ("p", 2):
      guard number <= layout.size else { return false }
      adopted = Int64(number)
    default: return false
    }
    return true
  }

  private static func words(_ line: ArraySlice<UInt8>) -> [Substring] {
    String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
  }
}
