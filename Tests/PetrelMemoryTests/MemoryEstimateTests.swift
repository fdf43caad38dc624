// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF
import Testing

@testable import PetrelMemory

/// Sizes that `llama-server` (commit 0c1e570) has printed for files of these shapes: `Benchmarks/bench/model_shapes.py`.
@Suite struct MemoryEstimateTests {
  private static func mebibytes(_ count: Double) -> ByteCount { ByteCount(count * 1_048_576) }

  private func shape(
    _ architecture: String, _ facts: [(String, ShapeFile.Value)], _ layers: Int, width: UInt64,
    _ tensors: (Int) -> [(String, [UInt64])]
  ) throws -> ModelShape {
    let blocks = (0..<layers).flatMap { layer in tensors(layer).map { ("blk.\(layer).\($0.0).weight", $0.1) } }
    let all = [("token_embd.weight", [width, 32_000])] + blocks
    let facts = facts + [("embedding_length", .number(UInt32(width))), ("context_length", .number(8192))]
    return ModelShape([try GGUFHeader(reading: ShapeFile(architecture, facts, tensors: all))])
  }

  private func grouped() throws -> ModelShape {
    try shape(
      "llama", [("attention.head_count", .number(16)), ("attention.head_count_kv", .number(4))], 16, width: 1024
    ) {
      _ in
      [
        ("attn_q", [1024, 1024]), ("attn_k", [1024, 256]), ("attn_v", [1024, 256]), ("ffn_gate", [1024, 2816]),
        ("ffn_up", [1024, 2816]),
      ]
    }
  }

  @Test func `Grouped heads: only cached ones count`() throws {
    let estimate = MemoryEstimate(try grouped(), MemoryDemand(contextSize: 8192))
    #expect(estimate[.cache] == .mebibytes(128))
    #expect(estimate[.compute] == Self.mebibytes(32.5))
    #expect(estimate[.output] == Self.mebibytes(0.48828125))
    #expect(estimate[.state] == .zero && estimate[.projector] == .zero && estimate[.draft] == .zero)
    #expect(estimate.total == estimate.terms.map(\.size).total)
  }

  @Test func `Types of the cache count by their blocks, and contexts are rounded up`() throws {
    var demand = MemoryDemand(contextSize: 8191, keyType: .q80, valueType: .q80)
    #expect(MemoryEstimate(try grouped(), demand)[.cache] == .mebibytes(68))
    demand.valueType = .q40
    #expect(MemoryEstimate(try grouped(), demand)[.cache] == .mebibytes(52))
  }

  @Test func `Slots that share no cache have one each`() throws {
    let shared = MemoryEstimate(try grouped(), MemoryDemand(contextSize: 2048))
    let own = MemoryEstimate(try grouped(), MemoryDemand(contextSize: 2048, sharesCache: false))
    #expect(own[.cache].bytes == shared[.cache].bytes * 4)
    // Each batch belongs to one slot.
    #expect(own[.compute] == shared[.compute])
  }

  @Test func `Windows are as long as the slots that share them need`() throws {
    let gemma = try shape(
      "gemma3", [("attention.sliding_window", .number(512)), ("attention.head_count", .number(4))], 18, width: 640
    ) { _ in
      [
        ("attn_k", [640, 256]), ("attn_v", [640, 256]), ("ffn_gate", [640, 2048]), ("ffn_up", [640, 2048]),
      ]
    }
    #expect(gemma.layers.filter { $0.window == nil }.count == 3)
    #expect(MemoryEstimate(gemma, MemoryDemand(contextSize: 8192))[.cache] == Self.mebibytes(24 + 37.5))
    #expect(MemoryEstimate(gemma, MemoryDemand(contextSize: 8192, slots: 1))[.cache] == Self.mebibytes(24 + 15))
    #expect(MemoryEstimate(gemma, MemoryDemand(contextSize: 1024))[.cache] == Self.mebibytes(3 + 15))
    let own = MemoryDemand(contextSize: 8192, sharesCache: false)
    #expect(MemoryEstimate(gemma, own)[.cache] == Self.mebibytes(4 * (24 + 15)))
    var whole = MemoryDemand(contextSize: 8192)
    whole.keepsWindowsWhole = true
    #expect(MemoryEstimate(gemma, whole)[.cache] == .mebibytes(144))
  }

  @Test func `A list of windows counts before what is known of the architecture`() throws {
    let pattern = [true, false, true, true]
    let model = try shape(
      "gemma3",
      [("attention.sliding_window", .number(512)), ("attention.sliding_window_pattern", .bools(pattern))], 4, width: 64
    ) { _ in [("attn_k", [64, 64])] }
    #expect(model.layers.map { $0.window != nil } == pattern)
    let unknown = try shape("mistral9", [("attention.sliding_window", .number(512))], 4, width: 64) { _ in
      [("attn_k", [64, 64])]
    }
    #expect(unknown.layers.allSatisfy { $0.window == nil })
  }

  @Test func `Latent attention caches one vector`() throws {
    let facts: [(String, ShapeFile.Value)] = [
      ("attention.head_count", .number(8)), ("attention.key_length", .number(288)),
      ("attention.value_length", .number(256)), ("attention.key_length_mla", .number(96)),
    ]
    let model = try shape("deepseek2", facts, 10, width: 768) { _ in [("attn_kv_a_mqa", [768, 288])] }
    #expect(MemoryEstimate(model, MemoryDemand(contextSize: 8192))[.cache] == .mebibytes(45))
    let old = try shape("deepseek2", Array(facts.dropLast()), 1, width: 768) { _ in [("attn_kv_a_mqa", [768, 288])] }
    #expect(old.layers.map(\.keys) == [8 * 288])
    #expect(old.layers.map(\.values) == [8 * 256])
  }

  @Test func `Recurrent layers keep a state for each sequence, and no cache`() throws {
    let facts: [(String, ShapeFile.Value)] = [
      ("ssm.conv_kernel", .number(4)), ("ssm.inner_size", .number(1536)), ("ssm.state_size", .number(16)),
    ]
    let model = try shape("mamba", facts, 24, width: 768) { _ in [("ssm_conv1d", [4, 1536])] }
    let estimate = MemoryEstimate(model, MemoryDemand(contextSize: 8192))
    #expect(estimate[.state] == Self.mebibytes(1.6875 + 9))
    #expect(estimate[.cache] == .zero)
    #expect(MemoryEstimate(model, MemoryDemand(contextSize: 8192, slots: 1))[.state] == Self.mebibytes(10.6875 / 4))
  }

  @Test func `Layers that differ are counted one by one, whether or not the metadata lists them`() throws {
    let kept: [UInt32] = [4, 4, 0, 8, 8, 0, 2, 2]
    let model = try shape("deci", [("attention.head_count_kv", .numbers(kept))], 8, width: 1024) { layer in
      let size = UInt64(kept[layer] * 64)
      return size == 0 ? [("ffn_up", [1024, 64])] : [("attn_k", [1024, size]), ("attn_v", [1024, size])]
    }
    #expect(model.layers.map(\.keys) == kept.map { Int($0) * 64 })
    #expect(MemoryEstimate(model, MemoryDemand(contextSize: 8192))[.cache] == .mebibytes(56))
  }

  @Test func `Queries, keys and values in one matrix are told apart`() throws {
    let facts: [(String, ShapeFile.Value)] = [
      ("attention.head_count", .number(12)), ("attention.head_count_kv", .number(4)),
    ]
    let model = try shape("phi3", facts, 1, width: 768) { _ in [("attn_qkv", [768, (12 + 4 + 4) * 64])] }
    #expect(model.layers == [ModelShape.Layer(keys: 256, values: 256)])
  }

  @Test func `A model for embeddings keeps nothing of what it has read, but an output for each token`() throws {
    let model = try shape("bert", [("attention.causal", .bool(false))], 12, width: 768) { _ in
      [("attn_k", [768, 768]), ("attn_v", [768, 768]), ("ffn_up", [768, 3072])]
    }
    let estimate = MemoryEstimate(model, MemoryDemand(contextSize: 2048, embeds: true))
    #expect(estimate[.cache] == .zero)
    #expect(estimate[.output] == Self.mebibytes(64))
  }

  @Test func `Without flash attention all scores of a layer exist at once`() throws {
    var demand = MemoryDemand(contextSize: 8192)
    let with = MemoryEstimate(try grouped(), demand)[.compute]
    demand.usesFlashAttention = false
    #expect(MemoryEstimate(try grouped(), demand)[.compute] == with + .mebibytes(256))
  }

  @Test func `A drafting model and a projector are added`() throws {
    let demand = MemoryDemand(contextSize: 8192)
    let alone = MemoryEstimate(try grouped(), demand)
    let both = MemoryEstimate(try grouped(), demand, draft: try grouped(), projector: .mebibytes(100))
    #expect(both[.projector] == .mebibytes(150))
    #expect(both[.draft] == alone.total - alone[.engine])
    #expect(both.total == alone.total + both[.draft] + both[.projector])
  }

  @Test func `Numbers that no model has lead to no overflow`() throws {
    let huge = UInt32.max
    let facts: [(String, ShapeFile.Value)] = [
      ("attention.head_count", .number(huge)), ("attention.head_count_kv", .number(huge)),
      ("attention.key_length", .number(huge)), ("attention.value_length", .number(huge)),
      ("attention.key_length_mla", .number(huge)), ("ssm.inner_size", .number(huge)), ("ssm.state_size", .number(huge)),
      ("ssm.conv_kernel", .number(huge)), ("ssm.group_count", .number(huge)), ("expert_used_count", .number(huge)),
      ("attention.sliding_window", .number(huge)), ("wkv.head_size", .number(huge)),
      ("embedding_length", .number(huge)),
    ]
    for tensors in [["attn_qkv"], ["attn_kv_a_mqa"], ["ssm_conv1d"], ["time_mix_w1"], ["ffn_up_exps"]] {
      let model = try shape("gemma3", facts, 3, width: UInt64(huge)) { _ in tensors.map { ($0, [1, 1 << 20]) } }
      var demand = MemoryDemand(contextSize: .max, slots: .max, batch: .max)
      demand.usesFlashAttention = false
      #expect(MemoryEstimate(model, demand).total > .mebibytes(1 << 20))
    }
  }
}
