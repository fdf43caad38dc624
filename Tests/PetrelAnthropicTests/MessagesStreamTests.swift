// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

@testable import PetrelAnthropic

@Suite struct MessagesStreamTests {
  /// As llama.cpp sends it, shortened: thoughts, a text, two calls, a stop word, counts.
  private static let engine = [
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"id":"chatcmpl-7","prompt_progress":{"total":150,"cache":140,"processed":140}}"#,
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"id":"chatcmpl-7","prompt_progress":{"total":150,"cache":140,"processed":150}}"#,
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"id":"chatcmpl-7"}"#,
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"I ne"}}],"id":"chatcmpl-7"}"#,
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"ed.\n"}}],"id":"chatcmpl-7"}"#,
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"größe 😀"}}],"id":"chatcmpl-7"}"#,
    #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}}]}}]}"#,
    #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"x\":1}"}}]}}]}"#,
    #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}"#,
    #"{"choices":[{"finish_reason":"tool_calls","index":0,"delta":{}}],"id":"chatcmpl-7"}"#,
    #"{"choices":[],"usage":{"completion_tokens":33,"prompt_tokens":150,"prompt_tokens_details":{"cached_tokens":140}}}"#,
    "[DONE]",
  ]

  private static let expected = [
    #"message_start {"type":"message_start","message":{"id":"msg_7","type":"message","role":"assistant","model":"ai/x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":140,"output_tokens":0}}}"#,
    #"ping {"type":"ping"}"#, #"ping {"type":"ping"}"#,
    #"content_block_start {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    #"content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"I ne"}}"#,
    #"content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"ed.\n"}}"#,
    #"content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":""}}"#,
    #"content_block_stop {"type":"content_block_stop","index":0}"#,
    #"content_block_start {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
    #"content_block_delta {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"größe 😀"}}"#,
    #"content_block_stop {"type":"content_block_stop","index":1}"#,
    #"content_block_start {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
    #"content_block_delta {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
    #"content_block_delta {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"x\":1}"}}"#,
    #"content_block_stop {"type":"content_block_stop","index":2}"#,
    #"content_block_start {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}"#,
    #"content_block_delta {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
    #"content_block_stop {"type":"content_block_stop","index":3}"#,
    #"message_delta {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":140,"output_tokens":33}}"#,
    #"message_stop {"type":"message_stop"}"#,
  ]

  /// What clients see of a stream, as `<event> <data>`, with the engine's bytes cut at `cut`.
  private func translated(_ data: [String], cut: Int = 0) throws -> [String] {
    let bytes = Array(data.map { "data: \($0)\n\n" }.joined().utf8)
    var stream = MessagesStream(model: "ai/x")
    var decoder = SSEDecoder()
    var output: [UInt8] = []
    for piece in [bytes[..<cut], bytes[cut...]] {
      for event in try decoder.decode(piece) where event.data != "[DONE]" {
        try stream.translate(event.data, into: &output)
      }
    }
    try stream.finish(into: &output)
    var reader = SSEDecoder()
    return try reader.decode(output).map { "\($0.name ?? "") \($0.data)" }
  }

  @Test func `Blocks follow each other, each closed before the next, wherever the stream is cut`() throws {
    let length = Self.engine.map { "data: \($0)\n\n".utf8.count }.reduce(0, +)
    for cut in 0...length {
      #expect(try translated(Self.engine, cut: cut) == Self.expected, "cut at \(cut)")
    }
  }

  @Test(arguments: [
    ("stop", #","__verbose":{"stopping_word":"END"}"#, #""stop_reason":"stop_sequence","stop_sequence":"END""#),
    ("stop", #","__verbose":{"stopping_word":""}"#, #""stop_reason":"end_turn","stop_sequence":null"#),
    ("stop", "", #""stop_reason":"end_turn","stop_sequence":null"#),
    ("length", "", #""stop_reason":"max_tokens","stop_sequence":null"#),
    ("content_filter", "", #""stop_reason":"refusal","stop_sequence":null"#),
  ])
  func `The reason of the end is Anthropic's`(reason: String, extra: String, expected: String) throws {
    let events = try translated([
      #"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#,
      #"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(reason)"}]\#(extra)}"#,
    ])
    #expect(events.contains { $0.hasPrefix("message_delta ") && $0.contains(expected) }, "\(events)")
  }

  @Test func `A stream without progress starts with what is known`() throws {
    let events = try translated([#"{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}"#])
    #expect(events.first?.contains(#""input_tokens":0"#) == true)
    #expect(events.last == #"message_stop {"type":"message_stop"}"#)
  }

  @Test func `Errors of the engine and streams that are cut short are told`() {
    var stream = MessagesStream(model: "ai/x")
    var output: [UInt8] = []
    #expect(throws: MessagesStreamError(status: 503, message: "busy")) {
      try stream.translate(#"{"error":{"code":503,"message":"busy"}}"#, into: &output)
    }
    for data in ["7", "{", #"{"choices":"#] {
      #expect(throws: MessagesStreamError.self) { try stream.translate(data, into: &output) }
    }
    #expect(throws: MessagesStreamError.self) { try stream.finish(into: &output) }
    var mixed = MessagesStream(model: "ai/x")
    #expect(throws: MessagesStreamError.self) {
      for index in [0, 1, 0] {
        try mixed.translate(
          #"{"choices":[{"delta":{"tool_calls":[{"index":\#(index),"function":{"arguments":"{"}}]}}]}"#, into: &output)
      }
    }
  }

  @Test func `An error event has Anthropic's form`() throws {
    var output: [UInt8] = []
    MessagesErrorBody.appendEvent(status: 500, message: "it broke", to: &output)
    #expect(
      String(decoding: output, as: UTF8.self)
        == "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"it broke\"}}\n\n")
  }
}
