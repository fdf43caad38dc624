// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelMemory

/// What the scheduler decides for an engine because of memory, where the user has left it open.
package struct MemoryChoice: Sendable, Hashable {
  /// Requests at the same time; nil leaves the number to the engine.
  package var slots: Int?
  /// Whether the slots share one context, as they do when the engine chooses; else each has a whole one.
  package var sharesCache: Bool
  /// What old prompts may take after the load; nil leaves it to the engine, which takes up to 8 GiB.
  package var promptCache: ByteCount?

  package init(slots: Int? = nil, sharesCache: Bool = true, promptCache: ByteCount? = nil) {
    self.slots = slots
    self.sharesCache = sharesCache
    self.promptCache = promptCache
  }
}

/// What an engine will be asked for, as far as it decides about memory.
package struct EngineDemand: Sendable, Hashable {
  package var memory: MemoryDemand
  /// The context that was set or packaged, tokens, when it is more than the model was trained with: the engine gives no
  /// request more than that.
  package var cutContext: Int?
  /// Whether the user has said how many requests at the same time there are to be.
  package var fixesSlots: Bool
  /// Whether it is settled that the slots share one cache.
  package var fixesCache: Bool
}

extension LlamaCpp {
  /// What llama.cpp takes when neither settings nor model name a context.
  private static let fallbackContext = 4096
  /// Tokens of an embedding's input. The memory for computing grows with it, so that it is not the whole context of
  /// models with a very long one.
  static let largestEmbeddingBatch = 8192

  /// Reads the settings as ``launchPlan(for:mode:settings:socket:choice:help:)`` does.
  ///
  /// - Throws: ``EngineError`` with code `invalidSettings`.
  func demand(
    for model: EngineModel, mode: EngineMode, settings: ModelSettings
  ) throws(EngineError) -> EngineDemand {
    var flags = try RuntimeFlags(parsing: settings.runtimeFlags ?? [], for: .llamaCpp)
    let trained = model.trainedContextSize ?? model.shape?.trainedContext
    let wanted = Self.wantedContextSize(model, settings, &flags) ?? 0
    let context = wanted > 0 ? wanted : trained ?? Self.fallbackContext
    let parallel = flags.take("--parallel").flatMap { Int($0[0]) } ?? settings.parallel
    func number(_ name: String) -> Int? { flags.take(name).flatMap { Int($0[0]) } }
    let size = min(context, trained ?? context)
    let wholeInput = min(size, Self.largestEmbeddingBatch)
    let usual = mode == .completion ? MemoryDemand.defaultBatch : max(MemoryDemand.defaultBatch, wholeInput)
    let batch = min(number("--ubatch-size") ?? usual, number("--batch-size") ?? max(2048, usual))
    func type(_ name: String) -> CacheType { flags.take(name).flatMap { CacheType(rawValue: $0[0]) } ?? .f16 }
    let slots = parallel.flatMap { $0 > 0 ? $0 : nil }
    return EngineDemand(
      memory: MemoryDemand(
        contextSize: size, slots: slots ?? MemoryDemand.defaultSlots, batch: min(batch, max(1, size)),
        keyType: type("--cache-type-k"), valueType: type("--cache-type-v"),
        usesFlashAttention: flags.take("--flash-attn")?.first != "off",
        keepsWindowsWhole: flags.contains("--swa-full"), embeds: mode != .completion),
      cutContext: context > size ? context : nil, fixesSlots: slots != nil,
      fixesCache: flags.contains("--kv-unified") || (wanted <= 0 && trained == nil))
  }
}

extension EngineModel {
  /// Nil when the model's shape is not known.
  package func estimate(_ demand: MemoryDemand) -> MemoryEstimate? {
    shape.map { MemoryEstimate($0, demand, draft: draftShape, projector: projectorSize) }
  }

  /// What to ask for when so much memory can be had: what the user has fixed stays.
  package func demand(_ wanted: EngineDemand, within limit: ByteCount) -> MemoryDemand {
    MemoryPlan.choose(wanted.memory, fixesSlots: wanted.fixesSlots, fixesCache: wanted.fixesCache, within: limit) {
      estimate($0)?.total ?? .zero
    }
  }
}

extension EngineLauncher {
  /// What an engine for this model would be asked for.
  ///
  /// - Throws: ``EngineError`` with code `invalidSettings`.
  package func demand(
    for model: EngineModel, mode: EngineMode, settings: ModelSettings
  ) throws(EngineError) -> EngineDemand {
    try engine.demand(for: model, mode: mode, settings: settings)
  }
}
