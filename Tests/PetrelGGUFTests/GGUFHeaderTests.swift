// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import Testing

@Suite struct GGUFHeaderTests {
  @Test(arguments: [1, 2, 3] as [UInt32], [false, true])
  func readsEveryVersionInBothByteOrders(version: UInt32, bigEndian: Bool) throws {
    var builder = GGUFBuilder(version: version, bigEndian: bigEndian)
    builder.pairs = [
      ("general.architecture", .string("llama")), ("a", .uint8(255)), ("b", .int8(-1)), ("c", .uint16(65_535)),
      ("d", .int16(-2)), ("e", .uint32(.max)), ("f", .int32(-3)), ("g", .float32(0.5)), ("h", .bool(true)),
      ("i", .uint64(.max)), ("j", .int64(.min)), ("k", .float64(-2.25)), ("l", .strings(["x", "y"])),
    ]
    builder.tensors = [.init(name: "t.weight", dimensions: [4, 2], type: 12, offset: 32)]
    let header = try builder.parsed()
    #expect(header.version == version)
    #expect(header.byteOrder == (bigEndian ? .bigEndian : .littleEndian))
    #expect(
      header.metadata.map(\.value) == [
        .string("llama"), .unsigned(255), .signed(-1), .unsigned(65_535), .signed(-2), .unsigned(UInt64(UInt32.max)),
        .signed(-3), .float(0.5), .bool(true), .unsigned(.max), .signed(.min), .float(-2.25),
        .array([.string("x"), .string("y")]),
      ])
    let tensor = try #require(header.tensors.first)
    #expect(tensor.name == "t.weight" && tensor.dimensions == [4, 2] && tensor.type.name == "Q4_K")
    #expect(tensor.elementCount == 8 && tensor.offset == 32)
  }

  @Test func readsBigEndianFilesWithASwappedMagicNumber() throws {
    var builder = GGUFBuilder(bigEndian: true, swapsMagic: true)
    builder.pairs = [("k", .uint16(258))]
    #expect(try builder.parsed()["k"] == .unsigned(258))
  }

  @Test func tensorDataStartsAWholeAlignmentLaterWhenTheHeaderIsAlreadyAligned() throws {
    var builder = GGUFBuilder()
    builder.pairs = [("1234567", .strings([])), ("general.alignment", .uint32(64))]
    let length = UInt64(builder.header().count)
    #expect(try builder.parsed().tensorDataStart == (length / 64 + 1) * 64)
    // 24 bytes of preamble and a pair of 8 + 11 + 4 + 8 + 9.
    let aligned = GGUFBuilder(pairs: [("01234567890", .string("123456789"))])
    #expect(aligned.header().count == 64)
    #expect(try aligned.parsed().tensorDataStart == 96)
  }

  @Test(arguments: [
    GGUFBuilder.Value.string("64"), .uint32(0), .int32(-64), .bool(true), .uint64(.max), .uint8s(3), .float32(64),
  ])
  func anUnusableAlignmentCountsAsTheDefault(value: GGUFBuilder.Value) throws {
    let builder = GGUFBuilder(pairs: [("general.alignment", value)])
    let length = UInt64(builder.header().count)
    #expect(try builder.parsed().tensorDataStart == (length / 32 + 1) * 32)
  }

  @Test func whiteSpaceAroundStringsIsRemovedAndInvalidUTF8Replaced() throws {
    let builder = GGUFBuilder(pairs: [(" key\r\n", .string("\u{A0}\t a b \u{2003}\n")), ("blank", .string(" \n "))])
    let header = try builder.parsed()
    #expect(header["key"] == .string("a b"))
    #expect(header["blank"] == .string(""))
    var bytes = GGUFBuilder(pairs: [("k", .string("ab"))]).file()
    bytes[24 + 8 + 1 + 4 + 8] = 0xFF
    #expect(try GGUFHeader(reading: MemorySource(bytes))["k"] == .string("\u{FFFD}b"))
  }

  @Test func keepsArraysOfUpTo50ElementsAndSkipsOthers() throws {
    let vocabulary = (0..<60).map { "token\($0)" }
    let nested = GGUFBuilder.Value.array(type: 9, count: 2, elements: [.strings(["a"]), .uint8s(3)])
    let builder = GGUFBuilder(pairs: [
      ("fifty", .uint8s(50)), ("more", .uint8s(51)), ("words", .strings(vocabulary)), ("nested", nested),
      ("last", .uint8(7)),
    ])
    let header = try builder.parsed()
    guard case .array(let elements) = header["fifty"] else {
      Issue.record("the array of 50 was not kept")
      return
    }
    #expect(elements.count == 50)
    #expect(header["more"] == .omitted && header["words"] == .omitted && header["nested"] == .omitted)
    #expect(header["last"] == .unsigned(7))
  }

  @Test func readsOnlyTheHeader() throws {
    var builder = GGUFBuilder(pairs: [("long", .string(String(repeating: "x", count: 200_000)))])
    builder.dataBytes = 4_000_000
    let source = MemorySource(builder.file())
    let header = try GGUFHeader(reading: source)
    #expect(header["long"]?.string?.count == 200_000)
    #expect(source.bytesRead < 400_000)
  }

  @Test func theLastOfSeveralEqualKeysWins() throws {
    let header = try GGUFBuilder(pairs: [("k", .uint8(1)), ("k", .uint8(2))]).parsed()
    #expect(header.metadata.count == 2)
    #expect(header["k"] == .unsigned(2))
  }

  @Test func chatTemplate() throws {
    #expect(
      try GGUFBuilder(pairs: [("tokenizer.chat_template", .string("{{ x }}"))]).parsed().chatTemplate == "{{ x }}")
    #expect(try GGUFBuilder(pairs: [("tokenizer.chat_template", .uint8(1))]).parsed().chatTemplate == nil)
  }
}
