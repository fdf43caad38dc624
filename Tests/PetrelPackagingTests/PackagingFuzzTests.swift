// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelPackaging

@Suite struct PackagingFuzzTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  /// Damaged archives: blobs have well-formed names and no more bytes than the archive, or there is an error.
  @Test func damagedArchives() async throws {
    let archive = try await bytes(of: ModelArchive(try await folder.packageV1()))
    var refused = 0
    await Fuzzing.each(of: [archive], rounds: 300) { bytes, round in
      var reader = ModelArchiveReader()
      var received = 0
      do {
        for event in try reader.consume(bytes) {
          if case .bytes(let part) = event { received += part.count }
          if case .begin(.manifest(let size)) = event { #expect(size <= Manifest.maximumSize, "round \(round)") }
        }
        try reader.finish()
      } catch {
        refused += 1
        #expect(!"\(error)".isEmpty, "round \(round)")
      }
      #expect(received <= bytes.count, "round \(round)")
    }
    #expect(refused > 0)
  }

  /// Damaged zip archives: an index is found in them or not.
  @Test func damagedPipelines() async throws {
    var refused = 0
    try await Fuzzing.each(of: [Self.zip], rounds: 200) { bytes, round in
      let file = try LocalFile(opening: try folder.write("x.dduf", bytes + [0]))
      if try DDUFIndex(reading: file) == nil { refused += 1 }
    }
    #expect(refused > 0)
    #expect(try DDUFIndex(reading: try LocalFile(opening: try folder.write("x.dduf", Self.zip)))?.className == "Flux")
  }

  /// An archive of one uncompressed entry, without check sums: nobody looks at them.
  private static var zip: [UInt8] {
    let content = Array(#"{"_class_name":"Flux"}"#.utf8)
    let name = Array("model_index.json".utf8)
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let sizes = number(0, 4) + number(content.count, 4) + number(content.count, 4)
    let local =
      number(0x0403_4B50, 4) + number(20, 2) + number(0, 8) + sizes + number(name.count, 2) + number(0, 2) + name
    let central =
      number(0x0201_4B50, 4) + number(20, 2) + number(20, 2) + number(0, 8) + sizes + number(name.count, 2)
      + number(0, 12) + number(0, 4) + name
    let end =
      number(0x0605_4B50, 4) + number(0, 4) + number(1, 2) + number(1, 2) + number(central.count, 4)
      + number(local.count + content.count, 4) + number(0, 2)
    return local + content + central + end
  }
}
