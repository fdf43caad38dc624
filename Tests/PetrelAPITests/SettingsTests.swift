// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelAPI
import PetrelWire
import Testing

@Suite struct SettingsTests {
  private func request(_ json: String) throws -> ConfigureRequest {
    try JSONDecoder().decode(ConfigureRequest.self, from: Data(json.utf8))
  }

  private static let full = """
    {"model":"ai/qwen3","mode":"completion","context-size":8192,"runtime-flags":["--temp","0.7"],\
    "speculative":{"draft_model":"ai/qwen3:0.6B","num_tokens":4,"min_acceptance_rate":0.8},"keep_alive":"30m",\
    "vllm":{"hf-overrides":{"num_labels":2,"rope":{"b":[1.5,null],"a":true}},"gpu-memory-utilization":0.8},\
    "llamacpp":{"reasoning-budget":-1,"gpu-layers":12,"rpc":["10.0.0.7:50052","b:1"]},"parallel":2,"max-concurrent":3,\
    "priority":"batch"}
    """

  @Test func `A request that names everything becomes settings, and these the same JSON again`() throws {
    let settings = try request(Self.full).change.applied(to: ModelSettings())
    let text = try CanonicalJSONEncoder().encode(settings)
    #expect(
      text == """
        {"context-size":8192,"runtime-flags":["--temp","0.7"],\
        "speculative":{"draft_model":"ai/qwen3:0.6B","num_tokens":4,"min_acceptance_rate":0.8},"keep_alive":"30m0s",\
        "vllm":{"hf-overrides":{"num_labels":2,"rope":{"a":true,"b":[1.5,null]}},"gpu-memory-utilization":0.8},\
        "llamacpp":{"reasoning-budget":-1,"gpu-layers":12,"rpc":["10.0.0.7:50052","b:1"]},"parallel":2,\
        "max-concurrent":3,"priority":"batch"}
        """)
    #expect(try JSONDecoder().decode(ModelSettings.self, from: Data(text.utf8)) == settings)
  }

  @Test func `A request survives the way to the daemon`() throws {
    for json in [Self.full, #"{"model":"a","keep_alive":null,"llamacpp":null,"reset":true,"preload":false}"#] {
      let original = try request(json)
      #expect(try request(try CanonicalJSONEncoder().encode(original)) == original)
    }
  }

  @Test func `A preset speaks where the request says nothing`() throws {
    let creative = try request(#"{"model":"a","preset":"creative"}"#).change
    #expect(creative.contextSize == .set(8192))
    #expect(creative.runtimeFlags == .set(["--temp", "1.2", "--top-p", "0.95", "--repeat-penalty", "1.0"]))
    let mixed = try request(#"{"model":"a","preset":"long-documents","context-size":null,"runtime-flags":["--mlock"]}"#)
    #expect(mixed.change.contextSize == .clear)
    #expect(mixed.change.runtimeFlags == .set(["--mlock"]))
    let raw = try request(#"{"model":"a","preset":"low-memory","raw-runtime-flags":"--mlock"}"#)
    #expect(raw.change.contextSize == .set(2048) && raw.change.runtimeFlags == .keep)
    #expect(throws: DecodingError.self) { try request(#"{"model":"a","preset":"fast"}"#) }
  }

  @Test func `What is left out stays, null and -1 go back to the default`() throws {
    let old = try request(Self.full).change.applied(to: ModelSettings())
    var expected = old
    expected.keepAlive = .forever
    #expect(try request(#"{"model":"a","keep_alive":"-1"}"#).change.applied(to: old) == expected)
    expected = old
    expected.contextSize = nil
    expected.parallel = nil
    expected.maximumConcurrency = nil
    expected.gpuLayers = nil
    expected.rpc = nil
    expected.speculative = nil
    let change = try request(
      #"{"model":"a","context-size":-1,"parallel":-1,"max-concurrent":-1,"speculative":null,"#
        + #""llamacpp":{"gpu-layers":-1,"rpc":null}}"#
    ).change
    #expect(change.applied(to: old) == expected)
    #expect(try request(#"{"model":"a","reset":true}"#).change.applied(to: old).isEmpty)
    #expect(try request(#"{"model":"a","llamacpp":null}"#).change.applied(to: old).reasoningBudget == nil)
    #expect(try request(#"{"model":"a"}"#).change.applied(to: old) == old)
  }

  @Test(arguments: [
    #"{"model":1}"#, #"{"model":"a","context-size":"big"}"#, #"{"model":"a","keep_alive":300}"#,
    #"{"model":"a","keep_alive":"300"}"#, #"{"model":"a","priority":"high"}"#, #"{"model":"a","runtime-flags":"--x"}"#,
    "[]", "nonsense",
  ]) func `Members of a wrong type are refused`(json: String) {
    #expect(throws: (any Error).self) { try request(json) }
  }

  @Test func `Settings are filled from others where they say nothing`() {
    var own = ModelSettings()
    own.contextSize = 512
    var general = ModelSettings()
    general.contextSize = 8192
    general.keepAlive = .forever
    let filled = own.filled(from: general)
    #expect(filled.contextSize == 512)
    #expect(filled.keepAlive == .forever)
    #expect(filled.launch.keepAlive == nil)
  }
}
