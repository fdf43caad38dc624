// SPDX-License-Identifier: Apache-2.0

/// Ways to make a model fit that does not, the mildest first.
package struct FitAdvice: Sendable, Hashable {
  /// A change of settings with which the model fits.
  package struct Option: Sendable, Hashable {
    package let demand: MemoryDemand
    package let total: ByteCount
    /// What to give to `petrel configure`.
    package let flags: [String]
  }

  /// Contexts below this are of no use to anybody.
  private static let smallestContext = 512
  private static let contextStep = 256

  package let options: [Option]

  /// - Parameter estimate: for a demand that is like the given one but for context, slots and cache types.
  package init(
    _ demand: MemoryDemand, limit: ByteCount, estimate: (MemoryDemand) -> ByteCount
  ) {
    var small = demand
    if demand.usesFlashAttention, min(demand.keyType.elementSize, demand.valueType.elementSize) > 1.5 {
      (small.keyType, small.valueType) = (.q80, .q80)
    }
    var single = demand
    single.slots = 1
    var smallest = small
    smallest.slots = 1
    var options: [Option] = []
    func offer(_ candidate: MemoryDemand) {
      let total = estimate(candidate)
      guard total <= limit, candidate != demand, !options.contains(where: { $0.demand == candidate }) else { return }
      options.append(Option(demand: candidate, total: total, flags: Self.flags(candidate, insteadOf: demand)))
    }
    for candidate in [small, single, smallest] where estimate(candidate) < estimate(demand) { offer(candidate) }
    for candidate in [demand, smallest] {
      if let context = Self.largestContext(candidate, limit, estimate), context < demand.contextSize {
        var shorter = candidate
        shorter.contextSize = context
        offer(shorter)
      }
    }
    self.options = options
  }

  private static func largestContext(
    _ demand: MemoryDemand, _ limit: ByteCount, _ estimate: (MemoryDemand) -> ByteCount
  ) -> Int? {
    var demand = demand
    func fits(_ steps: Int) -> Bool {
      demand.contextSize = steps * contextStep
      return estimate(demand) <= limit
    }
    var low = smallestContext / contextStep
    var high = demand.contextSize / contextStep
    guard high >= low, fits(low) else { return nil }
    while low < high {
      let middle = (low + high + 1) / 2
      if fits(middle) { low = middle } else { high = middle - 1 }
    }
    return low * contextStep
  }

  private static func flags(_ demand: MemoryDemand, insteadOf original: MemoryDemand) -> [String] {
    var flags: [String] = []
    if demand.contextSize != original.contextSize { flags += ["--context-size", String(demand.contextSize)] }
    if demand.slots != original.slots { flags += ["--parallel", String(demand.slots)] }
    if demand.keyType != original.keyType || demand.valueType != original.valueType {
      for word in ["--cache-type-k", demand.keyType.rawValue, "--cache-type-v", demand.valueType.rawValue] {
        flags += ["--runtime-flag", word]
      }
    }
    return flags
  }
}
