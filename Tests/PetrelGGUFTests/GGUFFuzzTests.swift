// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import PetrelTestSupport
import Testing

@Suite struct GGUFFuzzTests {
  private static var seeds: [[UInt8]] {
    ([1, 2, 3] as [UInt32]).flatMap { version in
      [false, true].map { bigEndian in
        var builder = GGUFBuilder(version: version, bigEndian: bigEndian)
        builder.pairs = [
          ("general.architecture", .string("llama")), ("general.alignment", .uint32(64)),
          ("llama.context_length", .uint64(4096)), ("words", .strings(["a", "bc", ""])), ("f", .float64(1e300)),
          ("nested", .array(type: 9, count: 1, elements: [.uint8s(2)])), ("b", .bool(true)), ("n", .int8(-1)),
        ]
        builder.tensors = [
          .init(name: "token_embd.weight", dimensions: [4, 2], type: 12), .init(name: "blk.0.w", dimensions: [8]),
        ]
        return builder.file()
      }
    }
  }

  /// A header is read or refused; whatever it says, no more than the file is read, many times over at most.
  @Test func damagedFiles() async {
    var refused = 0
    await Fuzzing.each(of: Self.seeds, rounds: 1500) { bytes, round in
      let source = MemorySource(bytes)
      do {
        let header = try GGUFHeader(reading: source)
        let facts = GGUFFacts([header, header])
        #expect(!facts.size.isEmpty && !facts.parameters.isEmpty, "round \(round)")
      } catch {
        refused += 1
        #expect(!"\(error)".isEmpty, "round \(round)")
      }
      #expect(source.bytesRead <= 64 * (bytes.count + 64), "round \(round)")
    }
    #expect(refused > 0)
  }
}
