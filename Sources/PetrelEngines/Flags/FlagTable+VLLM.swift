// SPDX-License-Identifier: Apache-2.0

extension FlagTable {
  /// vLLM. Its parser takes every unique beginning of a flag for the whole, so only whole names are let through.
  package static let vllm = FlagTable(
    engine: "vllm",
    [
      Flag(names: ["-tp", "--tensor-parallel-size"], value: .integer(1...1024)),
      Flag(names: ["-pp", "--pipeline-parallel-size"], value: .integer(1...1024)),
      Flag(names: ["--max-model-len"], value: .integer(-1...16_777_216)),
      Flag(names: ["--max-num-batched-tokens"], value: .integer(1...16_777_216)),
      Flag(names: ["--max-num-seqs"], value: .integer(1...65_536)),
      Flag(names: ["--block-size"], value: .integer(1...1024)),
      Flag(names: ["--swap-space"], value: .number(0...65_536)),
      Flag(names: ["--seed"], value: .integer(0...4_294_967_295)),
      Flag(names: ["--dtype"], value: .names), Flag(names: ["-q", "--quantization"], value: .names),
      Flag(names: ["--kv-cache-dtype"], value: .names), Flag(names: ["--enforce-eager"], value: .none),
      Flag(names: ["--enable-prefix-caching"], value: .none),
      Flag(names: ["--enable-chunked-prefill"], value: .none),
      Flag(names: ["--disable-custom-all-reduce"], value: .none),
      Flag(names: ["--use-v2-block-manager"], value: .none), Flag(names: ["--tokenizer-mode"], value: .names),
      Flag(names: ["--max-logprobs"], value: .integer(0...1_000_000)), Flag(names: ["--revision"], value: .names),
      Flag(names: ["--load-format"], value: .names), Flag(names: ["--disable-log-stats"], value: .none),
      Flag(
        names: ["--served-model-name"], value: .names,
        refusal: "the daemon gives the model its names, and requests would not find it under another"),
      Flag(names: ["--gpu-memory-utilization"], value: .number(0...1)),
    ])
}
