// SPDX-License-Identifier: Apache-2.0

extension FlagTable {
  private static let threads = -1...4096
  private static let layers = 0...100_000
  private static let tokens = 0...16_777_216
  private static let cacheTypes = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"]
  private static let factor = -1.0...1_000_000.0

  /// llama.cpp's `llama-server`. Source of the names: Docker Model Runner's list of allowed flags; of the values: the
  /// server's own help.
  package static let llamaCpp = FlagTable(
    engine: LlamaCpp.name,
    processors + contextAndBatches + sampling + devices + memory + rope + server + multimodal + speculation + templates
      + experts)

  private static func flag(_ names: String, _ value: FlagValue = .none, refused reason: String? = nil) -> Flag {
    Flag(names: names.split(separator: " ").map(String.init), value: value, refusal: reason)
  }

  private static let processors = [
    flag("-t --threads", .integer(threads)), flag("-tb --threads-batch", .integer(threads)),
    flag("-C --cpu-mask", .hex), flag("-Cr --cpu-range", .range), flag("--cpu-strict", .integer(0...1)),
    flag("--prio", .integer(-1...3)), flag("--poll", .integer(0...100)), flag("-Cb --cpu-mask-batch", .hex),
    flag("-Crb --cpu-range-batch", .range), flag("--cpu-strict-batch", .integer(0...1)),
    flag("--prio-batch", .integer(0...3)), flag("--poll-batch", .integer(0...1)),
  ]

  private static let contextAndBatches = [
    flag("-c --ctx-size", .integer(tokens)), flag("-n --predict --n-predict", .integer(-1...16_777_216)),
    flag("--keep", .integer(-1...16_777_216)), flag("-b --batch-size", .integer(1...1_048_576)),
    flag("-ub --ubatch-size", .integer(1...1_048_576)), flag("--swa-full"),
    flag("-fa --flash-attn", .optionalChoice(["on", "off", "auto"])), flag("--perf"), flag("--no-perf"),
  ]

  private static let sampling = [
    flag("--samplers", .names), flag("-s --seed", .integer(-1...4_294_967_295)),
    flag("--temperature --temp", .number(0...1000)), flag("--top-k", .integer(0...10_000_000)),
    flag("--top-p", .number(0...1)), flag("--min-p", .number(0...1)), flag("--top-nsigma", .number(-1...1000)),
    flag("--xtc-probability", .number(0...1)), flag("--xtc-threshold", .number(0...1)),
    flag("--typical", .number(0...1)),
    flag("--repeat-last-n", .integer(-1...16_777_216)), flag("--repeat-penalty", .number(0...1000)),
    flag("--presence-penalty", .number(-1000...1000)), flag("--frequency-penalty", .number(-1000...1000)),
    flag("--dry-multiplier", .number(0...1000)), flag("--dry-base", .number(0...1000)),
    flag("--dry-allowed-length", .integer(0...1_000_000)), flag("--dry-penalty-last-n", .integer(-1...16_777_216)),
    flag("--mirostat", .integer(0...2)), flag("--mirostat-lr", .number(0...1000)),
    flag("--mirostat-ent", .number(0...1000)), flag("--ignore-eos"), flag("--dynatemp-range", .number(0...1000)),
    flag("--dynatemp-exp", .number(0...1000)),
  ]

  private static let devices = [
    flag("-dev --device", .names), flag("-ngl --gpu-layers --n-gpu-layers", .integerOr(layers, ["auto", "all"])),
    flag("-sm --split-mode", .choice(["none", "layer", "row", "tensor"])), flag("-ts --tensor-split", .numbers),
    flag("-mg --main-gpu", .integer(0...1024)), flag("-fit --fit", .optionalChoice(["on", "off"])),
    flag("-fitt --fit-target", .numbers), flag("-fitc --fit-ctx", .integer(tokens)),
  ]

  private static let memory = [
    flag("-kvo --kv-offload"), flag("-nkvo --no-kv-offload"), flag("--repack"), flag("-nr --no-repack"),
    flag("--no-host"), flag("-ctk --cache-type-k", .choice(cacheTypes)),
    flag("-ctv --cache-type-v", .choice(cacheTypes)),
    flag("--mlock"), flag("--mmap"), flag("--no-mmap"), flag("-dio --direct-io"), flag("-ndio --no-direct-io"),
    flag("-cram --cache-ram", .integer(-1...16_777_216)), flag("-kvu --kv-unified"), flag("--context-shift"),
    flag("--no-context-shift"),
  ]

  private static let rope = [
    flag("--rope-scaling", .choice(["none", "linear", "yarn"])), flag("--rope-scale", .number(0...1_000_000)),
    flag("--rope-freq-base", .number(0...1_000_000_000_000)), flag("--rope-freq-scale", .number(0...1_000_000)),
    flag("--yarn-orig-ctx", .integer(tokens)), flag("--yarn-ext-factor", .number(factor)),
    flag("--yarn-attn-factor", .number(factor)), flag("--yarn-beta-slow", .number(factor)),
    flag("--yarn-beta-fast", .number(factor)),
  ]

  private static let server = [
    flag("-np --parallel", .integer(-1...256)), flag("-cb --cont-batching"), flag("-nocb --no-cont-batching"),
    flag("--warmup"), flag("--no-warmup"),
    flag(
      "-to --timeout", .integer(0...1_000_000), refused: "the daemon decides how long a connection to the engine lasts"),
    flag("--threads-http", .integer(-1...4096)), flag("--cache-prompt"), flag("--no-cache-prompt"),
    flag("--cache-reuse", .integer(tokens)),
    flag(
      "--sleep-idle-seconds", .integer(-1...1_000_000),
      refused: "the daemon unloads idle engines itself; set keep_alive instead"),
    flag("--api-prefix", .names, refused: "the daemon would not find the engine's API any more"),
    flag("--api-key", .text, refused: "the engine would refuse the daemon's own requests"),
    flag("--webui"), flag("--no-webui"), flag("--webui-config", .text), flag("--metrics"), flag("--no-metrics"),
    flag("--props"), flag("--slots"), flag("--no-slots"),
    // These follow the mode; see `RuntimeFlags`.
    flag("--embedding --embeddings"), flag("--rerank --reranking"),
    flag("-sps --slot-prompt-similarity", .number(0...1)), flag("-v --verbose"),
  ]

  private static let multimodal = [
    flag("--mmproj-auto"), flag("--no-mmproj --no-mmproj-auto"), flag("--mmproj-offload"),
    flag("--no-mmproj-offload"), flag("--image-min-tokens", .integer(tokens)),
    flag("--image-max-tokens", .integer(tokens)), flag("--spm-infill"),
  ]

  private static let speculation = [
    flag("-td --threads-draft --spec-draft-threads", .integer(threads)),
    flag("-tbd --threads-batch-draft --spec-draft-threads-batch", .integer(threads)),
    flag("-Cd --cpu-mask-draft --spec-draft-cpu-mask", .hex),
    flag("-Crd --cpu-range-draft --spec-draft-cpu-range", .range),
    flag("--cpu-strict-draft --spec-draft-cpu-strict", .integer(0...1)),
    flag("--prio-draft --spec-draft-prio", .integer(0...3)), flag("--poll-draft --spec-draft-poll", .integer(0...100)),
    flag("-Cbd --cpu-mask-batch-draft --spec-draft-cpu-mask-batch", .hex),
    flag("--cpu-strict-batch-draft --spec-draft-cpu-strict-batch", .integer(0...1)),
    flag("--prio-batch-draft --spec-draft-prio-batch", .integer(0...3)),
    flag("--poll-batch-draft --spec-draft-poll-batch", .integer(0...1)),
    flag("-otd --override-tensor-draft --spec-draft-override-tensor", .names),
    flag("-cmoed --cpu-moe-draft --spec-draft-cpu-moe"),
    flag("-ncmoed --n-cpu-moe-draft --spec-draft-ncmoe --spec-draft-n-cpu-moe", .integer(layers)),
    flag("--draft-max --draft-n-max --spec-draft-n-max", .integer(0...65_536)),
    flag("--draft-min --draft-n-min --spec-draft-n-min", .integer(0...65_536)),
    flag("--draft-p-split --spec-draft-p-split", .number(0...1)),
    flag("--draft-p-min --spec-draft-p-min", .number(0...1)), flag("--spec-draft-backend-sampling"),
    flag("--no-spec-draft-backend-sampling"), flag("-devd --device-draft --spec-draft-device", .names),
    flag(
      "-ngld --gpu-layers-draft --n-gpu-layers-draft --spec-draft-ngl", .integerOr(layers, ["auto", "all"])),
    flag("--spec-type", .names), flag("--spec-ngram-mod-n-min", .integer(0...65_536)),
    flag("--spec-ngram-mod-n-max", .integer(0...65_536)), flag("--spec-ngram-mod-n-match", .integer(0...65_536)),
    flag("--spec-ngram-simple-size-n", .integer(0...65_536)), flag("--spec-ngram-simple-size-m", .integer(0...65_536)),
    flag("--spec-ngram-simple-min-hits", .integer(0...65_536)),
    flag("--spec-ngram-map-k-size-n", .integer(0...65_536)), flag("--spec-ngram-map-k-size-m", .integer(0...65_536)),
    flag("--spec-ngram-map-k-min-hits", .integer(0...65_536)),
    flag("--spec-ngram-map-k4v-size-n", .integer(0...65_536)),
    flag("--spec-ngram-map-k4v-size-m", .integer(0...65_536)),
    flag("--spec-ngram-map-k4v-min-hits", .integer(0...65_536)),
    flag("-ctkd --cache-type-k-draft --spec-draft-type-k", .choice(cacheTypes)),
    flag("-ctvd --cache-type-v-draft --spec-draft-type-v", .choice(cacheTypes)),
    flag("-cd --ctx-size-draft", .integer(tokens)),
  ]

  private static let templates = [
    flag("--grammar", .text), flag("-j --json-schema", .text), flag("-bs --backend-sampling"),
    flag("--chat-template", .text), flag("--chat-template-kwargs", .text), flag("--jinja"), flag("--no-jinja"),
    flag("--pooling", .choice(["none", "mean", "cls", "last", "rank"])), flag("--reasoning-format", .names),
    flag("--reasoning-budget", .integer(-1...16_777_216)), flag("--prefill-assistant"),
    flag("--no-prefill-assistant"),
  ]

  private static let experts = [
    flag("-cmoe --cpu-moe"), flag("-ncmoe --n-cpu-moe", .integer(layers)), flag("--check-tensors"),
    flag("--op-offload"), flag("--no-op-offload"), flag("--lora-init-without-apply"),
    flag("--control-vector-layer-range", .integerPair(0...100_000)),
  ]
}
