// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts
import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelResponses

/// Whatever clients and engines send: an answer or an error, and never the end of the daemon.
@Suite struct ResponsesFuzzTests {
  private static let request = Array(
    #"""
    {"model":"m","max_output_tokens":9,"temperature":0.5,"instructions":"Date: 1\nx","metadata":{"a":"b"},
    "tools":[{"type":"function","name":"f","parameters":{}}],"tool_choice":{"type":"function","name":"f"},
    "reasoning":{"effort":"none"},"text":{"format":{"type":"json_schema","name":"n","schema":{}}},"input":[
    {"role":"user","content":[{"type":"input_text","text":"é"}]},{"type":"reasoning","summary":[]},
    {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
    {"type":"function_call_output","call_id":"c","output":"r"}]}
    """#.utf8)
  private static let chunks = [
    #"{"choices":[{"delta":{"content":null}}]}"#, #"{"choices":[{"delta":{"reasoning_content":"x","content":"y"}}]}"#,
    #"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#,
    #"{"error":{"code":500,"message":"x"}}"#,
    #"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":15,"completion_tokens":3}}"#,
  ]

  @Test func `Damaged requests are translated or refused`() {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<Fuzzing.rounds(2_000) {
      let bytes = Fuzzing.mutated(Self.request, using: &random)
      guard let node = bytes.withUnsafeBytes({ try? JSONNode(parsing: $0) }) else { continue }
      do throws(ResponsesError) {
        let request = try ResponsesRequest(node, rules: .standard) { $0 }
        #expect(request.chat["messages"]?.elements?.isEmpty == false)
      } catch {
        #expect(!error.message.isEmpty)
      }
    }
  }

  @Test func `Damaged answers of engines are translated or given up`() throws {
    var random = SeededGenerator(seed: 2)
    let node = try JSONNode(parsing: #"{"model":"m","input":"x"}"#)
    let request = try ResponsesRequest(node) { $0 }
    for _ in 0..<Fuzzing.rounds(2_000) {
      var response = ResponseInProgress(request, id: "r", created: 1) { $0 }
      var output: [UInt8] = []
      do throws(ResponseFailure) {
        for chunk in Self.chunks {
          let bytes = Fuzzing.mutated(Array(chunk.utf8), using: &random)
          try response.translate(String(decoding: bytes, as: UTF8.self), into: &output)
        }
        try response.finish(into: &output)
      } catch {
        response.fail(code: "engine_error", message: error.message, into: &output)
      }
      response.appendEnd(at: 2, into: &output)
      var reader = SSEDecoder()
      for event in try reader.decode(output) { #expect(throws: Never.self) { try JSONNode(parsing: event.data) } }
    }
  }
}
