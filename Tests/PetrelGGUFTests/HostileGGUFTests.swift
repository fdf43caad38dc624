// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import Testing

/// Files that lie about what they contain. Each is refused at once, whatever it announces.
@Suite struct HostileGGUFTests {
  private func refusal(of bytes: [UInt8], claimedSize: UInt64? = nil) -> GGUFError? {
    do {
      _ = try GGUFHeader(reading: MemorySource(bytes, claimedSize: claimedSize))
      return nil
    } catch {
      return error
    }
  }

  private func refusal(of builder: GGUFBuilder) -> GGUFError? { refusal(of: builder.file()) }

  @Test(arguments: ["", "GG", "not gguf", "PK\u{3}\u{4} and so on and on and on"])
  func otherFiles(content: String) {
    #expect(refusal(of: Array(content.utf8))?.code == .notGGUF)
  }

  @Test(arguments: [0, 4, 0x0101_0101] as [UInt32])
  func unknownVersions(version: UInt32) {
    #expect(refusal(of: GGUFBuilder(version: version))?.code == .unsupportedVersion)
  }

  @Test(arguments: [1, 2, 3] as [UInt32])
  func everyTruncationOfAHeader(version: UInt32) {
    var builder = GGUFBuilder(version: version)
    builder.pairs = [
      ("general.architecture", .string("llama")), ("words", .strings(["a", "b"])), ("n", .uint64(1)),
      ("nested", .array(type: 9, count: 1, elements: [.uint8s(2)])),
    ]
    builder.tensors = [.init(name: "t.weight", dimensions: [4, 2])]
    let header = builder.header()
    for length in 0..<header.count {
      #expect(refusal(of: Array(header.prefix(length))) != nil, "cut at \(length)")
    }
  }

  @Test(arguments: [1 << 60, .max, 3000] as [UInt64])
  func countsThatDoNotFitIntoTheFile(count: UInt64) {
    for error in [refusal(of: GGUFBuilder(tensorCount: count)), refusal(of: GGUFBuilder(pairCount: count))] {
      #expect(error?.code == .truncated)
      #expect(error?.message.contains("offset") == true)
    }
    for type in [0, 8, 9, 12] as [UInt32] {
      let array = GGUFBuilder.Value.array(type: type, count: count, elements: [])
      #expect(refusal(of: GGUFBuilder(pairs: [("k", array)]))?.code == .truncated)
    }
  }

  @Test func countsThatFitIntoAHugeFileButIntoNoModel() {
    let huge: UInt64 = 1 << 50
    for builder in [GGUFBuilder(tensorCount: 1 << 40), GGUFBuilder(pairCount: 1 << 40)] {
      #expect(refusal(of: builder.file(), claimedSize: huge)?.code == .tooLarge)
    }
    let emptyStrings = GGUFBuilder(pairs: [("k", .array(type: 8, count: 1 << 40, elements: []))])
    #expect(refusal(of: emptyStrings.file(), claimedSize: huge)?.code == .tooLarge)
    let emptyArrays = GGUFBuilder(pairs: [("k", .array(type: 9, count: 1 << 40, elements: []))])
    #expect(refusal(of: emptyArrays.file(), claimedSize: huge)?.code == .tooLarge)
  }

  @Test(arguments: [1 << 20, 1 << 40, 1 << 63, .max] as [UInt64])
  func stringsLongerThanTheFile(length: UInt64) {
    var bytes = GGUFBuilder(pairs: [("key", .string("value"))]).file()
    for index in 0..<8 { bytes[24 + index] = UInt8(truncatingIfNeeded: length >> UInt64(8 * index)) }
    #expect(refusal(of: bytes)?.code == .truncated)
  }

  @Test func longKeysAndNames() {
    let long = String(repeating: "k", count: 70_000)
    #expect(refusal(of: GGUFBuilder(pairs: [(long, .uint8(1))]))?.code == .tooLarge)
    #expect(refusal(of: GGUFBuilder(tensors: [.init(name: long, dimensions: [1])]))?.code == .tooLarge)
  }

  @Test func anOverlongStringIsSkippedAndTooMuchTextRefused() throws {
    let overlong = String(repeating: "x", count: (1 << 20) + 1)
    let header = try GGUFBuilder(pairs: [("a", .string(overlong)), ("b", .uint8(1))]).parsed()
    #expect(header["a"] == .omitted && header["b"] == .unsigned(1))
    let long = String(repeating: "x", count: 1 << 20)
    let pairs = (0..<17).map { ("k\($0)", GGUFBuilder.Value.string(long)) }
    #expect(refusal(of: GGUFBuilder(pairs: pairs))?.code == .tooLarge)
  }

  @Test func deeplyNestedArrays() {
    var value = GGUFBuilder.Value.uint8s(1)
    for _ in 0..<1000 { value = .array(type: 9, count: 1, elements: [value]) }
    #expect(refusal(of: GGUFBuilder(pairs: [("k", value)]))?.code == .tooLarge)
  }

  @Test func dimensionsThatOverflow() {
    let overflowing = GGUFBuilder(tensors: [.init(name: "t", dimensions: [1 << 32, 1 << 32])])
    #expect(refusal(of: overflowing)?.code == .malformed)
    let many = GGUFBuilder(tensors: [.init(name: "t", dimensions: Array(repeating: 1, count: 9))])
    #expect(refusal(of: many)?.code == .malformed)
  }

  @Test func sumsThatOverflowStopAtTheLargestNumber() throws {
    let tensor = GGUFBuilder.Tensor(name: "t", dimensions: [1 << 63])
    #expect(GGUFFacts([try GGUFBuilder(tensors: [tensor, tensor]).parsed()]).parameterCount == .max)
  }

  @Test(arguments: [128, 1 << 40, .max] as [UInt64])
  func tensorDataOutsideOfTheFile(offset: UInt64) {
    let builder = GGUFBuilder(tensors: [.init(name: "t", dimensions: [1], offset: offset)])
    let error = refusal(of: builder)
    #expect(error?.code == .truncated)
    #expect(error?.message.contains("past the end of the file") == true)
  }

  @Test func unknownTypes() {
    #expect(
      refusal(of: GGUFBuilder(tensors: [.init(name: "t", dimensions: [1], type: 999)]))?.code == .unknownTensorType)
    let array = GGUFBuilder.Value.array(type: 13, count: 0, elements: [])
    #expect(refusal(of: GGUFBuilder(pairs: [("k", array)]))?.code == .malformed)
  }

  /// Any byte of a header may be anything: parsing either succeeds or throws, and never traps.
  @Test func flippedBytes() {
    var builder = GGUFBuilder()
    builder.pairs = [
      ("general.architecture", .string("llama")), ("words", .strings(["a", "b"])), ("n", .uint64(1)),
      ("nested", .array(type: 9, count: 1, elements: [])), ("f", .float64(1e300)),
    ]
    builder.tensors = [.init(name: "t.weight", dimensions: [4, 2])]
    let bytes = builder.file()
    var refused = 0
    for index in builder.header().indices {
      for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[index] = value
        if refusal(of: damaged) != nil { refused += 1 }
        if let header = try? GGUFHeader(reading: MemorySource(damaged)) { #expect(!GGUFFacts([header]).size.isEmpty) }
      }
    }
    #expect(refused > 100)
  }
}
