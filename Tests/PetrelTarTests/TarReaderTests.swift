// SPDX-License-Identifier: Apache-2.0

import PetrelTar
import PetrelTestSupport
import Testing

@Suite struct TarReaderTests {
  private struct Contents: Equatable {
    var entries: [TarReader.Entry] = []
    var bytes: [[UInt8]] = []
  }

  private func read(_ chunks: [[UInt8]]) throws(TarError) -> Contents {
    var reader = TarReader()
    var contents = Contents()
    for chunk in chunks {
      for event in try reader.consume(chunk) {
        switch event {
        case .begin(let entry):
          contents.entries.append(entry)
          contents.bytes.append([])
        case .bytes(let bytes): contents.bytes[contents.bytes.count - 1] += bytes
        case .end, .endOfArchive: break
        }
      }
    }
    try reader.finish()
    return contents
  }

  private static func file(_ name: String, _ content: [UInt8], mode: Int = 0o644) -> [UInt8] {
    TarHeader.file(name: name, mode: mode, size: Int64(content.count)) + content
      + [UInt8](repeating: 0, count: Int(TarHeader.padding(after: Int64(content.count))))
  }

  private static let long = String(repeating: "folder/", count: 60) + "file.json"
  private static let archive =
    TarHeader.directory(name: "d") + file("d/a.sh", [1, 2, 3], mode: 0o755) + file(long, [4])
    + file("empty", []) + TarHeader.end

  @Test func readsWhatIsWritten() throws {
    let contents = try read([Self.archive])
    #expect(contents.entries.map(\.name) == ["d", "d/a.sh", Self.long, "empty"])
    #expect(contents.entries.map(\.kind) == [.directory, .file, .file, .file])
    #expect(contents.entries.map(\.mode) == [0o755, 0o755, 0o644, 0o644])
    #expect(contents.bytes == [[], [1, 2, 3], [4], []])
    #expect(try read(Self.archive.map { [$0] }) == contents)
  }

  @Test func contentsCanBePassedOver() throws {
    var reader = TarReader()
    var offset = 0
    var places: [String: Int] = [:]
    while offset < Self.archive.count {
      let events = try reader.consume(Array(Self.archive[offset..<(offset + 512)]))
      offset += 512
      for case .begin(let entry) in events { places[entry.name] = offset }
      // Attributes must be read: they are about the entry that follows.
      if events.contains(where: { if case .begin = $0 { true } else { false } }) {
        offset += Int(reader.contentAhead)
        reader.skipContent()
      }
    }
    try reader.finish()
    let place = try #require(places[Self.long])
    #expect(Self.archive[place] == 4 && places.count == 4)
  }

  @Test func sizesNearTheEndOfNumbersAreBorne() throws {
    // A size in base 256: the largest that has a sign bit to spare.
    var block = TarHeader.file(name: "x", mode: 0, size: 0)
    block.replaceSubrange(124..<136, with: [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7))
    block.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
    let digits = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    block.replaceSubrange(
      148..<155, with: Array((String(repeating: "0", count: 6 - digits.count) + digits + "\u{0}").utf8))
    var reader = TarReader()
    _ = try reader.consume(block)
    #expect(reader.contentAhead == .max)
    #expect(throws: TarError.self) { try reader.finish() }
  }

  @Test func damagedArchives() async {
    var refused = 0
    await Fuzzing.each(of: [Self.archive], rounds: 800) { bytes, round in
      do {
        let whole = try read([bytes])
        // Where the bytes are cut makes no difference.
        let half = bytes.count / 3
        let parts = try read([Array(bytes[..<half]), Array(bytes[half...])])
        #expect(parts == whole, "round \(round)")
        #expect(whole.bytes.reduce(0) { $0 + $1.count } <= bytes.count, "round \(round)")
      } catch {
        refused += 1
        #expect(!"\(error)".isEmpty, "round \(round)")
      }
    }
    #expect(refused > 0)
  }
}
