// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF

extension ModelShape {
  /// Sizes come from the tensors wherever these tell: each layer is asked for itself, so that models whose layers differ
  /// need no rule of their own. Metadata says the rest.
  ///
  /// - Parameter shards: all files of one model, in order.
  package init(_ shards: [GGUFHeader]) {
    let facts = GGUFFacts(shards)
    let metadata = GGUFMetadata(shards, architecture: facts.architecture)
    var blocks: [Int: [String: GGUFHeader.Tensor]] = [:]
    var outside: [String: GGUFHeader.Tensor] = [:]
    for tensor in shards.flatMap(\.tensors) {
      if let (block, name) = Self.place(of: tensor.name) {
        blocks[block, default: [:]][name] = tensor
      } else {
        outside[tensor.name] = tensor
      }
    }
    let windows = SlidingWindows(metadata, layerCount: blocks.count)
    let embedding = outside["token_embd.weight"]?.dimensions ?? []
    let width = metadata.number("embedding_length") ?? Self.size(embedding.first)
    layers = blocks.sorted { $0.key < $1.key }.map { index, tensors in
      var layer = Self.attention(tensors, at: index, metadata)
      layer.window = windows.window(ofLayer: index)
      layer.state = Self.state(tensors, width: width, metadata)
      return layer
    }
    weights = ByteCount(Int64(clamping: facts.tensorBytes))
    self.width = width
    activations = blocks.values.map { Self.activations($0, metadata) }.max() ?? 0
    heads = metadata.numbers("attention.head_count").max() ?? 0
    vocabulary = embedding.count > 1 ? Self.size(embedding[1]) : metadata.number("vocab_size") ?? 0
    trainedContext = facts.contextSize.map(Int.init)
    isCausal = metadata.bool("attention.causal") ?? true
  }

  /// `blk.7.attn_k.weight` is `attn_k.weight` of layer 7.
  private static func place(of name: String) -> (Int, String)? {
    let parts = name.split(separator: ".", maxSplits: 2)
    guard parts.count == 3, parts[0] == "blk", let index = Int(parts[1]), index >= 0 else { return nil }
    return (index, String(parts[2]))
  }

  private static func size(_ dimension: UInt64?) -> Int { Int(clamping: min(dimension ?? 0, 1 << 31)) }

  /// Elements that a layer's matrix makes out of a token.
  private static func outputs(_ name: String, _ tensors: [String: GGUFHeader.Tensor]) -> Int? {
    guard let tensor = tensors["\(name).weight"], tensor.dimensions.count > 1 else { return nil }
    return size(tensor.dimensions[1])
  }

  private static func attention(
    _ tensors: [String: GGUFHeader.Tensor], at index: Int, _ metadata: GGUFMetadata
  ) -> Layer {
    if outputs("attn_kv_a_mqa", tensors) != nil { return latentAttention(at: index, metadata) }
    if let keys = outputs("attn_k", tensors) {
      return Layer(keys: keys, values: outputs("attn_v", tensors) ?? keys)
    }
    guard let joined = outputs("attn_qkv", tensors) else { return Layer() }
    let heads = metadata.number("attention.head_count", at: index) ?? 1
    let cached = metadata.number("attention.head_count_kv", at: index) ?? heads
    // Queries, keys and values side by side, with heads of one size unless the model says otherwise.
    let head = joined / max(1, heads + 2 * cached)
    let keyLength = metadata.number("attention.key_length") ?? head
    return Layer(keys: cached * keyLength, values: cached * (metadata.number("attention.value_length") ?? head))
  }

  /// Multi-head latent attention caches one compressed vector, which is key and value at once, with the part of the key
  /// that knows its position. Files that were made before llama.cpp could do that have it unpack all heads.
  private static func latentAttention(at index: Int, _ metadata: GGUFMetadata) -> Layer {
    let keyLength = metadata.number("attention.key_length") ?? 0
    if metadata.number("attention.key_length_mla") != nil { return Layer(keys: keyLength) }
    let heads = metadata.number("attention.head_count", at: index) ?? 1
    return Layer(keys: heads * keyLength, values: heads * (metadata.number("attention.value_length") ?? keyLength))
  }

  /// Bytes that numbers of a hostile file stop at.
  private static let largestState = 1 << 50

  /// Bytes for a sequence: the last inputs of the convolution and the state itself, in 32 bits.
  private static func state(
    _ tensors: [String: GGUFHeader.Tensor], width: Int, _ metadata: GGUFMetadata
  ) -> Int {
    Int(min(4 * stateElements(tensors, width: width, metadata), Double(largestState)))
  }

  private static func stateElements(
    _ tensors: [String: GGUFHeader.Tensor], width: Int, _ metadata: GGUFMetadata
  ) -> Double {
    func number(_ key: String, default fallback: Int = 0) -> Double { Double(metadata.number(key) ?? fallback) }
    if tensors["ssm_conv1d.weight"] != nil {
      let inner = number("ssm.inner_size")
      let state = number("ssm.state_size")
      let kept = max(0, number("ssm.conv_kernel", default: 1) - 1)
      return kept * (inner + 2 * number("ssm.group_count") * state) + state * inner
    }
    if metadata.number("wkv.head_size") != nil, tensors.keys.contains(where: { $0.hasPrefix("time_mix_") }) {
      return Double(width) * (number("token_shift_count", default: 2) + number("wkv.head_size"))
    }
    if tensors.keys.contains(where: { $0.hasPrefix("shortconv.") }) {
      return Double(width) * max(0, number("shortconv.l_cache", default: 1) - 1)
    }
    return 0
  }

  /// The factors are measured: see docs/scheduling.md.
  private static func activations(_ tensors: [String: GGUFHeader.Tensor], _ metadata: GGUFMetadata) -> Int {
    let isGated = tensors["ffn_gate.weight"] != nil || tensors["ffn_gate_exps.weight"] != nil
    let experts = (outputs("ffn_up_exps", tensors) ?? 0) * (metadata.number("expert_used_count") ?? 1)
    let shared = outputs("ffn_up_shexp", tensors) ?? 0
    let forward = max(outputs("ffn_up", tensors) ?? 0, experts + shared) * (isGated ? 3 : 1)
    let recurrent = tensors["ssm_conv1d.weight"] == nil ? 0 : 5 * (metadata.number("ssm.inner_size") ?? 0)
    return max(forward, recurrent)
  }
}
