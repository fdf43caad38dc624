// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import Testing

@Suite struct GGUFFactsTests {
  private func facts(
    _ pairs: [(String, GGUFBuilder.Value)] = [], tensors: [GGUFBuilder.Tensor] = [], dataBytes: Int = 64
  ) throws -> GGUFFacts {
    GGUFFacts([try GGUFBuilder(pairs: pairs, tensors: tensors, dataBytes: dataBytes).parsed()])
  }

  private func weights(_ types: [String]) -> [GGUFBuilder.Tensor] {
    types.enumerated().map { index, type in
      let number = GGUFTensorType.names.firstIndex(of: type).map(UInt32.init) ?? .max
      return .init(name: "blk.\(index).weight", dimensions: [1], type: number)
    }
  }

  @Test(
    arguments: [
      ([], "0"), ([[]], "0"), ([[61, 3]], "183"), ([[1000]], "1K"), ([[1235]], "1.24K"), ([[999_999]], "1000K"),
      ([[1_235_814_432]], "1.24B"), ([[7_000_000_000]], "7B"), ([[16_780_000], [4]], "16.78M"),
      ([[1_500_000_000_000]], "1.50T"), ([[2_000_000_000_000_000]], "2Q"),
    ] as [([[UInt64]], String)])
  func parameterTexts(dimensions: [[UInt64]], text: String) throws {
    #expect(try facts(tensors: dimensions.map { .init(name: "t", dimensions: $0) }).parameters == text)
  }

  @Test(arguments: [
    (0, "0B"), (64, "64B"), (999, "999B"), (1000, "1KB"), (1024, "1KiB"), (5000, "4.88KiB"), (1_000_000, "1MB"),
    (1_048_576, "1MiB"), (1_100_000, "1.05MiB"),
  ])
  func sizeTexts(bytes: Int, text: String) throws {
    let facts = try facts(dataBytes: bytes)
    #expect(facts.tensorBytes == UInt64(bytes))
    #expect(facts.size == text)
  }

  @Test func aFileThatEndsWithItsHeaderHasNoTensorBytes() throws {
    let header = try GGUFHeader(reading: MemorySource(GGUFBuilder().header()))
    #expect(GGUFFacts([header]).tensorBytes == 0)
  }

  @Test func architectures() throws {
    #expect(try facts([("general.architecture", .string("qwen3"))]).architecture == "qwen3")
    #expect(
      try facts([("general.architecture", .string("a")), ("controlvector.model_hint", .string("b"))]).architecture
        == "b")
    #expect(try facts([("general.type", .string("imatrix"))]).architecture == "imatrix")
    #expect(
      try facts(
        [("general.architecture", .string("flux"))], tensors: [.init(name: "double_blocks.0", dimensions: [1])]
      ).architecture == "diffusion")
    #expect(try facts([("general.architecture", .string("sd3"))]).architecture == "llama")
    #expect(try facts([("general.architecture", .uint32(1))]).architecture == "llama")
  }

  @Test func contextSizes() throws {
    func contextSize(_ value: GGUFBuilder.Value, _ more: [(String, GGUFBuilder.Value)] = []) throws -> Int32? {
      try facts([("general.architecture", .string("qwen3")), ("qwen3.context_length", value)] + more).contextSize
    }
    #expect(try contextSize(.uint32(40_960)) == 40_960)
    #expect(try contextSize(.uint64(2_147_483_647)) == .max)
    #expect(try contextSize(.int16(512)) == 512)
    #expect(try contextSize(.uint64(2_147_483_648)) == nil)
    #expect(try contextSize(.uint32(0)) == nil)
    #expect(try contextSize(.int32(-1)) == nil)
    #expect(try contextSize(.string("4096")) == nil)
    #expect(try contextSize(.uint32(4096), [("general.type", .string("adapter"))]) == nil)
    #expect(try contextSize(.uint32(4096), [("controlvector.model_hint", .string("qwen3"))]) == nil)
    #expect(
      try facts([("general.architecture", .string("clip")), ("clip.context_length", .uint32(77))]).contextSize == nil)
  }

  @Test(arguments: [
    (0, "MOSTLY_F32"), (15, "MOSTLY_Q4_K_M"), (38, "MOSTLY_MXFP4"), (39, "Unknown"), (1024, "GGUFFileType(1024)"),
  ])
  func fileTypes(number: UInt32, name: String) throws {
    #expect(try facts([("general.file_type", .uint32(number))]).quantization == name)
  }

  @Test(
    arguments: [
      ([], "Unknown"),
      (["F32"], "MOSTLY_F32"),
      (["F32", "F32", "Q8_0"], "MOSTLY_Q8_0"),
      (["Q4_K", "Q4_K", "Q4_K", "Q6_K", "Q6_K"], "MOSTLY_Q4_K_M"),
      (["Q4_K", "Q4_K", "Q4_K", "Q3_K", "Q3_K"], "MOSTLY_Q3_K_M"),
      (["Q4_K", "Q4_K", "Q6_K"], "MOSTLY_Q4_K_S"),
      (["Q5_K", "Q5_K", "Q5_K", "Q6_K", "Q6_K"], "MOSTLY_Q5_K_M"),
      (["Q5_K", "F32"], "MOSTLY_Q5_K_S"),
      (["Q3_K", "Q3_K", "Q8_0"], "MOSTLY_Q3_K_L"),
      (["Q3_K", "Q3_K", "Q3_K", "Q5_K", "Q5_K"], "MOSTLY_Q3_K_L"),
      (["Q3_K", "Q3_K", "Q3_K", "Q4_K", "Q4_K"], "MOSTLY_Q3_K_M"),
      (["Q3_K", "Q3_K", "Q4_K"], "MOSTLY_Q3_K_S"),
      (["Q2_K", "Q2_K", "Q5_K"], "MOSTLY_Q2_K_S"),
      (["Q2_K", "Q2_K"], "MOSTLY_Q2_K"),
      (["MXFP4", "BF16", "MXFP4"], "MOSTLY_MXFP4"),
      (["I8"], "Unknown"),
      // Ties: the smaller type number counts as the more frequent.
      (["Q8_0", "Q4_0"], "MOSTLY_Q4_0"),
      (["Q6_K", "Q4_K", "Q6_K", "Q4_K"], "MOSTLY_Q4_K_M"),
    ] as [([String], String)])
  func guessedQuantizations(types: [String], name: String) throws {
    #expect(try facts(tensors: weights(types)).quantization == name)
    #expect(try facts([("general.file_type", .string("15"))], tensors: weights(types)).quantization == name)
  }

  @Test func onlyWeightsCountForTheGuess() throws {
    let other = GGUFBuilder.Tensor(name: "rope_freqs", dimensions: [1], type: 8)
    #expect(try facts(tensors: [other, other] + weights(["Q4_0"])).quantization == "MOSTLY_Q4_0")
  }

  @Test func metadataTexts() throws {
    let facts = try facts([
      ("int", .int32(-5)), ("bool", .bool(false)), ("float", .float32(10_000)), ("tiny", .float32(1e-5)),
      ("words", .strings(["x", "y"])), ("empty", .strings([])), ("long", .uint8s(51)), ("again", .uint8(1)),
      ("flags", .array(type: 7, count: 2, elements: [.bool(true), .bool(false)])), ("again", .uint8(2)),
      ("nested", .array(type: 9, count: 1, elements: [.uint8s(1)])),
    ])
    #expect(
      facts.metadata == [
        "int": "-5", "bool": "false", "float": "10000.000000", "tiny": "0.000010", "words": "x, y", "empty": "",
        "again": "2", "flags": "true, false",
      ])
  }

  @Test func shardsAreTakenTogether() throws {
    let first = GGUFBuilder(
      pairs: [("general.architecture", .string("llama")), ("split.no", .uint16(0)), ("split.count", .uint16(2))],
      tensors: [.init(name: "token_embd.weight", dimensions: [1000], type: 8)], dataBytes: 1000)
    let second = GGUFBuilder(
      pairs: [("split.no", .uint16(1))],
      tensors: [.init(name: "blk.0.weight", dimensions: [500, 2], type: 8)], dataBytes: 4000)
    let facts = GGUFFacts([try first.parsed(), try second.parsed()])
    #expect(facts.parameters == "2K" && facts.size == "4.88KiB" && facts.quantization == "MOSTLY_Q8_0")
    #expect(facts.metadata == ["general.architecture": "llama", "split.count": "2"])
  }

  @Test(arguments: [
    ("X-00002-of-00003.gguf", ["X-00001-of-00003.gguf", "X-00002-of-00003.gguf", "X-00003-of-00003.gguf"]),
    ("a-00001-of-00001.gguf", ["a-00001-of-00001.gguf"]),
    ("-00001-of-00002.gguf", ["-00001-of-00002.gguf", "-00002-of-00002.gguf"]),
    ("X-00001-of-00002.GGUF", ["X-00001-of-00002.GGUF"]),
    ("X-00000-of-00002.gguf", ["X-00000-of-00002.gguf"]),
    ("X-00001-of-00000.gguf", ["X-00001-of-00000.gguf"]),
    ("X-00004-of-00003.gguf", ["X-00004-of-00003.gguf"]),
    ("X-0001-of-0002.gguf", ["X-0001-of-0002.gguf"]),
    ("model.gguf", ["model.gguf"]),
  ])
  func shardNames(name: String, names: [String]) {
    #expect(GGUFShards.names(for: name) == names)
  }
}
