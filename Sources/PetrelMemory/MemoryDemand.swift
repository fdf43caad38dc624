// SPDX-License-Identifier: Apache-2.0

/// What an engine is to be started with, as far as it decides about memory.
package struct MemoryDemand: Sendable, Hashable {
  /// What llama.cpp does unless it is told otherwise.
  package static let defaultSlots = 4
  package static let defaultBatch = 512

  /// Tokens of a request. Those of all requests together are no more than that when they share a cache.
  package var contextSize: Int
  /// Requests that the engine works on at the same time.
  package var slots: Int
  /// Whether the slots share one cache; else each has its own, as long as the context.
  package var sharesCache: Bool
  /// Tokens that are computed at once.
  package var batch: Int
  package var keyType: CacheType
  package var valueType: CacheType
  package var usesFlashAttention: Bool
  /// Whether layers with a window keep everything all the same.
  package var keepsWindowsWhole: Bool
  /// Whether the engine makes embeddings, or ranks, in place of text.
  package var embeds: Bool

  package init(
    contextSize: Int, slots: Int = defaultSlots, sharesCache: Bool = true, batch: Int = defaultBatch,
    keyType: CacheType = .f16, valueType: CacheType = .f16, usesFlashAttention: Bool = true,
    keepsWindowsWhole: Bool = false, embeds: Bool = false
  ) {
    self.contextSize = contextSize
    self.slots = slots
    self.sharesCache = sharesCache
    self.batch = batch
    self.keyType = keyType
    self.valueType = valueType
    self.usesFlashAttention = usesFlashAttention
    self.keepsWindowsWhole = keepsWindowsWhole
    self.embeds = embeds
  }
}
