// SPDX-License-Identifier: Apache-2.0

import PetrelMemory
import Testing

@Suite struct FitAdviceTests {
  private let shape = ModelShape(
    weights: .mebibytes(100), layers: .init(repeating: .init(keys: 256, values: 256, state: 1 << 20), count: 16),
    width: 1024, activations: 8448, heads: 16, vocabulary: 32_000)

  private func total(_ demand: MemoryDemand) -> ByteCount { MemoryEstimate(shape, demand).total }

  @Test func `Each option fits, is named by its flags, and the mildest comes first`() throws {
    let demand = MemoryDemand(contextSize: 8192)
    let advice = FitAdvice(demand, limit: total(demand) - .mebibytes(20), estimate: total)
    let types = ["--cache-type-k", "q8_0", "--cache-type-v", "q8_0"].flatMap { ["--runtime-flag", $0] }
    #expect(advice.options.first?.flags == types)
    #expect(advice.options.contains { $0.flags == ["--parallel", "1"] })
    for option in advice.options {
      #expect(option.total == total(option.demand))
      #expect(option.total <= total(demand) - .mebibytes(20))
    }
  }

  @Test(arguments: [40, 100, 150] as [Int64])
  func `The context that is offered is the largest that fits`(missing: Int64) throws {
    let demand = MemoryDemand(contextSize: 8192)
    let limit = total(demand) - .mebibytes(missing)
    let options = FitAdvice(demand, limit: limit, estimate: total).options
    let shorter = try #require(options.first { $0.demand.contextSize < 8192 })
    var longer = shorter.demand
    longer.contextSize += 256
    #expect(shorter.demand.contextSize < 8192)
    #expect(total(longer) > limit)
  }

  @Test func `Where nothing helps, nothing is offered`() {
    #expect(FitAdvice(MemoryDemand(contextSize: 8192), limit: .mebibytes(100), estimate: total).options.isEmpty)
    #expect(FitAdvice(MemoryDemand(contextSize: 100), limit: .mebibytes(1), estimate: total).options.isEmpty)
  }

  @Test func `Slots become fewer until they fit`() {
    let demand = MemoryDemand(contextSize: 2048)
    func slots(_ less: Int64) -> Int {
      let chosen = MemoryPlan.choose(
        demand, fixesSlots: false, fixesCache: false, within: total(demand) - .mebibytes(less), estimate: total)
      #expect(chosen.sharesCache)
      return chosen.slots
    }
    #expect([0, 1, 40, 1000].map(slots) == [4, 2, 1, 1])
  }

  @Test func `Slots have contexts of their own where these take no more than half of what is there`() {
    let demand = MemoryDemand(contextSize: 2048)
    var generous = demand
    generous.sharesCache = false
    let limit = total(generous) + total(generous)
    func choose(
      _ limit: ByteCount, _ demand: MemoryDemand = demand, slots: Bool = false, cache: Bool = false
    ) -> MemoryDemand {
      MemoryPlan.choose(demand, fixesSlots: slots, fixesCache: cache, within: limit, estimate: total)
    }
    #expect(choose(limit) == generous)
    #expect(choose(limit - .mebibytes(1)) == demand)
    #expect(choose(limit, cache: true) == demand)
    var pair = demand
    pair.slots = 2
    var ownPair = pair
    ownPair.sharesCache = false
    #expect(choose(limit, pair, slots: true) == ownPair)
    #expect(choose(.mebibytes(1), pair, slots: true) == pair)
  }

  @Test func `Old prompts get half of what is left, where that is less than the engine takes by itself`() {
    #expect(MemoryPlan.promptCache(need: .mebibytes(100), usable: .mebibytes(300)) == .mebibytes(100))
    #expect(MemoryPlan.promptCache(need: .mebibytes(300), usable: .mebibytes(100)) == .zero)
    #expect(MemoryPlan.promptCache(need: .zero, usable: .mebibytes(100_000)) == nil)
  }

  @Test func `Pages of files that engines need are not free, and a limit counts all that they have`() {
    var free = FreeMemory(
      total: .mebibytes(16_384), available: .mebibytes(8000), held: .mebibytes(3000), heldFiles: .mebibytes(2000),
      promised: .mebibytes(1000))
    #expect(free.usable == .mebibytes(8000 - 2000 - 512 - 1000))
    free.limit = .mebibytes(5000)
    #expect(free.usable == .mebibytes(1000))
    free.limit = .mebibytes(3000)
    #expect(free.usable == .zero)
  }

  @Test(
    arguments: [
      ("512", 512), ("512MiB", 512 << 20), ("1.5G", 3 << 29), ("24 GB", 24_000_000_000), ("8gib", 8 << 30), ("", nil),
      ("0", nil), ("-1G", nil), ("1X", nil), ("GiB", nil),
    ] as [(String, Int64?)]) func `Sizes are read`(text: String, bytes: Int64?)
  { #expect(ByteCount(parsing: text)?.bytes == bytes) }

  @Test(
    arguments: [
      (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (36_700_160, "35 MiB"),
      (7_623_567_974, "7.1 GiB"), (.max, "8589934592 GiB"),
    ] as [(Int64, String)]) func `Sizes are written`(bytes: Int64, text: String)
  { #expect(ByteCount(bytes).text == text) }
}
