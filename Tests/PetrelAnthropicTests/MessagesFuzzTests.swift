// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts
import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelAnthropic

/// Whatever clients and engines send: an answer or an error, and never the end of the daemon.
@Suite struct MessagesFuzzTests {
  private static let request = Array(
    #"""
    {"model":"m","max_tokens":9,"temperature":0.5,"stop_sequences":["a"],"system":[{"type":"text","text":"Date: 1\nx"}],
    "tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"},
    "thinking":{"type":"enabled","budget_tokens":5},"messages":[{"role":"user","content":[{"type":"text","text":"é"},
    {"type":"tool_result","tool_use_id":"t","content":"r"}]},{"role":"assistant","content":[{"type":"thinking",
    "thinking":"x"},{"type":"tool_use","id":"t","name":"f","input":{"a":[1]}}]}]}
    """#.utf8)
  private static let chunks = [
    #"{"id":"chatcmpl-7","choices":[{"delta":{"content":null}}],"prompt_progress":{"total":150,"cache":140}}"#,
    #"{"choices":[{"delta":{"reasoning_content":"x","content":"y"}}]}"#,
    #"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#,
    #"{"error":{"code":500,"message":"x"}}"#,
    #"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":15,"completion_tokens":3}}"#,
  ]

  @Test func `Damaged requests are translated or refused`() {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<Fuzzing.rounds(2_000) {
      let bytes = Fuzzing.mutated(Self.request, using: &random)
      guard let node = bytes.withUnsafeBytes({ try? JSONNode(parsing: $0) }) else { continue }
      do throws(MessagesError) {
        let request = try MessagesRequest(node, rules: .standard)
        #expect(request.chat["messages"]?.elements?.isEmpty == false)
      } catch {
        #expect(!error.message.isEmpty)
      }
    }
  }

  @Test func `Damaged answers of engines are translated or given up`() throws {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<Fuzzing.rounds(2_000) {
      var stream = MessagesStream(model: "m")
      var output: [UInt8] = []
      do throws(MessagesStreamError) {
        for chunk in Self.chunks {
          let bytes = Fuzzing.mutated(Array(chunk.utf8), using: &random)
          try stream.translate(String(decoding: bytes, as: UTF8.self), into: &output)
        }
        try stream.finish(into: &output)
      } catch {
        #expect(!error.message.isEmpty)
      }
      var reader = SSEDecoder()
      for event in try reader.decode(output) { #expect(throws: Never.self) { try JSONNode(parsing: event.data) } }
    }
  }
}
