// SPDX-License-Identifier: Apache-2.0

/// Chooses what a user has left open, so that a model fits.
package enum MemoryPlan {
  /// As many slots as fit: those that the engine has by default, or fewer. One, when nothing fits.
  package static func slots(
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
