// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Random numbers that are the same in every run: SplitMix64, by Steele, Lea and Flood (2014).
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// Input that was valid once, damaged at random. `PETREL_FUZZ_ROUNDS` asks for more of it than a build server has time
/// for; round and seed of what was found make the regression test.
package enum Fuzzing {
  /// How many inputs to try.
  package static func rounds(_ usual: Int) -> Int {
    ProcessInfo.processInfo.environment["PETREL_FUZZ_ROUNDS"].flatMap(Int.init) ?? usual
  }

  /// Numbers at which programs go wrong.
  private static let interesting: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, 1 << 62, 0x7FFF_FFFF_FFFF_FFFF,
    1 << 63, .max - 511, .max,
  ]

  /// `seed` with a few changes: bits flipped, bytes and numbers replaced, pieces removed, repeated, swapped in or cut.
  package static func mutated(_ seed: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      guard !bytes.isEmpty else { return bytes }
      let place = Int.random(in: bytes.indices, using: &random)
      let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
      switch Int.random(in: 0..<8, using: &random) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 4: bytes.removeSubrange(place...)
      case 5:
        let other = Int.random(in: bytes.indices, using: &random)
        bytes.replaceSubrange(place..<end, with: bytes[other..<min(bytes.count, other + end - place)])
      case 6: bytes.insert(contentsOf: Array("\u{0}{}[]\"\\/.:@-9".utf8).shuffled(using: &random).prefix(2), at: place)
      default:
        let number = interesting.randomElement(using: &random) ?? 0
        for index in 0..<min(8, bytes.count - place) {
          bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
        }
      }
    }
    return bytes
  }

  /// Calls `body` with damaged copies of `seeds`, the same in every run. Lets other tests run in between.
  package static func each(
    of seeds: [[UInt8]], rounds usual: Int, seed: UInt64 = 1, _ body: ([UInt8], Int) throws -> Void
  ) async rethrows {
    var random = SeededGenerator(seed: seed)
    for round in 0..<rounds(usual) {
      if round % 16 == 0 { await Task.yield() }
      let original = seeds[round % seeds.count]
      try body(mutated(original, using: &random), round)
    }
  }
}
