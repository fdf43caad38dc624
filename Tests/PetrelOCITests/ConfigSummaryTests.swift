// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire
import Testing

@Suite struct ConfigSummaryTests {
  private func summary(_ json: String) throws -> ConfigSummary { try ConfigSummary(decoding: Array(json.utf8)) }

  /// A CNCF config's `paramSize` is its size and its number of parameters; a Docker config has no such member.
  @Test(arguments: [
    (#"{"config":{"paramSize":"8B","size":"x"}}"#, "8B"),
    (#"{"descriptor":{"createdAt":"2025-06-15T12:00:00Z"},"config":{"size":"x"}}"#, nil),
    (#"{"modelfs":{"type":"layers"},"config":{"size":"x"}}"#, nil),
    (#"{"modelfs":null,"config":{"size":"x"}}"#, nil),
    (#"{"config":{"parameters":"8B","size":"x"},"descriptor":{"created":"2025-06-15T12:00:00Z"}}"#, "x"),
    (#"{"config":{"size":"x"}}"#, "x"),
    ("{}", nil),
  ])
  func theFlavourIsToldByStructure(json: String, size: String?) throws {
    #expect(try summary(json).config.size == size)
  }

  @Test func readsADockerConfig() throws {
    let summary = try summary(
      #"{"config":{"format":"gguf","quantization":"Q","parameters":"12","architecture":"llama","size":"64B","#
        + #""gguf":{"a":"b"},"context_size":4096},"descriptor":{"created":"2025-06-15T12:00:00.123456789Z"}}"#)
    #expect(
      summary.config
        == ModelConfig(
          format: "gguf", quantization: "Q", parameters: "12", architecture: "llama", size: "64B", gguf: ["a": "b"],
          contextSize: 4096))
    #expect(summary.created == 1_749_988_800)
  }

  @Test func readsACNCFConfig() throws {
    let summary = try summary(
      #"{"descriptor":{"createdAt":"2025-06-15T14:00:00+02:00","family":"llama"},"modelfs":{"type":"layers"},"#
        + #""config":{"architecture":"llama","format":"GGUF","paramSize":"12","quantization":"Q"}}"#)
    #expect(
      summary.config
        == ModelConfig(format: "gguf", quantization: "Q", parameters: "12", architecture: "llama", size: "12"))
    #expect(summary.created == 1_749_988_800)
  }

  @Test(arguments: [
    #"{"config":7,"descriptor":[],"rootfs":null}"#,
    #"{"config":{"format":1,"gguf":[],"context_size":"big","size":null},"descriptor":{"created":0}}"#,
    #"{"config":{"context_size":99999999999},"descriptor":{"created":"yesterday"}}"#,
  ])
  func membersOfUnexpectedTypesCountAsAbsent(json: String) throws {
    let summary = try summary(json)
    #expect(summary.config == ModelConfig())
    #expect(summary.created == 0)
  }

  @Test(arguments: ["", "[]", "nonsense", "{\"config\":", "\u{0}"])
  func otherContentIsRefused(json: String) {
    #expect(throws: OCIError.self) { try summary(json) }
  }

  @Test func stringsAreEscapedAsTheReferenceEscapesThem() {
    #expect(JSONNode.string("<>&\u{2028}\u{1}/").serialized() == #""\u003c\u003e\u0026\u2028\u0001/""#)
    #expect(JSONNode.string("\"\\\n\u{8}\u{7F}é").serialized() == "\"\\\"\\\\\\n\\b\u{7F}é\"")
  }
}
