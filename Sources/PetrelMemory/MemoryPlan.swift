// SPDX-License-Identifier: Apache-2.0

/// Chooses what a user has left open, so that a model fits.
package enum MemoryPlan {
  /// The same demand with as many slots as fit, each with a context of its own where that takes no more than half of the
  /// limit. Slots that share a cache are cheaper, but requests that are longer together than the context fail together.
  ///
  /// - Parameters:
  ///   - fixesSlots: whether the number of slots stays as it is.
  ///   - fixesCache: whether the slots share a cache, or don't, as it is.
  package static func choose(
    _ demand: MemoryDemand, fixesSlots: Bool, fixesCache: Bool, within limit: ByteCount,
    estimate: (MemoryDemand) -> ByteCount
  ) -> MemoryDemand {
    var demand = demand
    if !fixesCache {
      var generous = demand
      if !fixesSlots { generous.slots = MemoryDemand.defaultSlots }
      generous.sharesCache = false
      if estimate(generous) <= ByteCount(limit.bytes / 2) { return generous }
    }
    if !fixesSlots { demand.slots = slots(demand, within: limit, estimate: estimate) }
    return demand
  }

  /// As many slots as fit: those that the engine has by default, or fewer. One, when nothing fits.
  private static func slots(
    _ demand: MemoryDemand, within limit: ByteCount, estimate: (MemoryDemand) -> ByteCount
  ) -> Int {
    var slots = MemoryDemand.defaultSlots
    while slots > 1 {
      var candidate = demand
      candidate.slots = slots
      if estimate(candidate) <= limit { break }
      slots /= 2
    }
    return slots
  }

  /// What old prompts may take beside the model; nil when there is more than any engine takes by default.
  package static func promptCache(need: ByteCount, usable: ByteCount) -> ByteCount? {
    let half = ByteCount((usable - need).bytes / 2)
    return half < .mebibytes(8192) ? half : nil
  }
}
