// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Synchronization
import Testing

@testable import PetrelResponses

@Suite struct ResponseInProgressTests {
  private static let engine = [
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}]}"#,
    #"{"choices":[{"index":0,"delta":{"reasoning_content":"I ne"}}]}"#,
    #"{"choices":[{"index":0,"delta":{"reasoning_content":"ed.\n"}}]}"#,
    #"{"choices":[{"index":0,"delta":{"content":"größe "}}]}"#,
    #"{"choices":[{"index":0,"delta":{"content":"😀"}}]}"#,
    #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}}]}}]}"#,
    #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}"#,
    #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}"#,
    #"{"choices":[{"finish_reason":"tool_calls","index":0,"delta":{}}]}"#,
    #"{"choices":[],"usage":{"completion_tokens":3,"prompt_tokens":15,"prompt_tokens_details":{"cached_tokens":14}}}"#,
    "[DONE]",
  ]

  private static let expected = [
    "response.created", "response.in_progress",
    #"response.output_item.added {"output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"content":[],"encrypted_content":null,"status":"in_progress"}}"#,
    #"response.content_part.added {"item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":""}}"#,
    #"response.reasoning_text.delta {"item_id":"rs_1","output_index":0,"content_index":0,"delta":"I ne"}"#,
    #"response.reasoning_text.delta {"item_id":"rs_1","output_index":0,"content_index":0,"delta":"ed.\n"}"#,
    #"response.reasoning_text.done {"item_id":"rs_1","output_index":0,"content_index":0,"text":"I need.\n"}"#,
    #"response.content_part.done {"item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":"I need.\n"}}"#,
    #"response.output_item.done {"output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"I need.\n"}],"encrypted_content":null,"status":"completed"}}"#,
    #"response.output_item.added {"output_index":1,"item":{"id":"msg_2","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
    #"response.content_part.added {"item_id":"msg_2","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}"#,
    #"response.output_text.delta {"item_id":"msg_2","output_index":1,"content_index":0,"delta":"größe ","logprobs":[]}"#,
    #"response.output_text.delta {"item_id":"msg_2","output_index":1,"content_index":0,"delta":"😀","logprobs":[]}"#,
    #"response.output_text.done {"item_id":"msg_2","output_index":1,"content_index":0,"text":"größe 😀","logprobs":[]}"#,
    #"response.content_part.done {"item_id":"msg_2","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"größe 😀"}}"#,
    #"response.output_item.done {"output_index":1,"item":{"id":"msg_2","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"größe 😀"}]}}"#,
    #"response.output_item.added {"output_index":2,"item":{"id":"fc_3","type":"function_call","status":"in_progress","call_id":"a","name":"f","arguments":""}}"#,
    #"response.function_call_arguments.delta {"item_id":"fc_3","output_index":2,"delta":"{"}"#,
    #"response.function_call_arguments.delta {"item_id":"fc_3","output_index":2,"delta":"}"}"#,
    #"response.function_call_arguments.done {"item_id":"fc_3","output_index":2,"name":"f","arguments":"{}"}"#,
    #"response.output_item.done {"output_index":2,"item":{"id":"fc_3","type":"function_call","status":"completed","call_id":"a","name":"f","arguments":"{}"}}"#,
    #"response.output_item.added {"output_index":3,"item":{"id":"fc_4","type":"function_call","status":"in_progress","call_id":"b","name":"g","arguments":""}}"#,
    #"response.function_call_arguments.delta {"item_id":"fc_4","output_index":3,"delta":"{}"}"#,
    #"response.function_call_arguments.done {"item_id":"fc_4","output_index":3,"name":"g","arguments":"{}"}"#,
    #"response.output_item.done {"output_index":3,"item":{"id":"fc_4","type":"function_call","status":"completed","call_id":"b","name":"g","arguments":"{}"}}"#,
    "response.completed",
  ]

  private func response(_ more: String = "") throws -> ResponseInProgress {
    let node = try JSONNode(parsing: #"{"model":"ai/x","input":"hi","stream":true\#(more)}"#)
    let request = try ResponsesRequest(node) { $0 + "_in" }
    let count = Counter()
    return ResponseInProgress(request, id: "resp_1", created: 5) { "\($0)_\(count.next())" }
  }

  /// The events of a stream whose bytes are cut at `cut`.
  private func events(_ data: [String], cut: Int = 0) throws -> [JSONNode] {
    let bytes = Array(data.map { "data: \($0)\n\n" }.joined().utf8)
    var response = try response()
    var decoder = SSEDecoder()
    var output: [UInt8] = []
    for piece in [bytes[..<cut], bytes[cut...]] {
      for event in try decoder.decode(piece) where event.data != "[DONE]" {
        try response.translate(event.data, into: &output)
      }
    }
    try response.finish(into: &output)
    response.appendEnd(at: 9, into: &output)
    var reader = SSEDecoder()
    return try reader.decode(output).map { event in
      let node = try JSONNode(parsing: event.data)
      #expect(node["type"]?.string == event.name)
      return node
    }
  }

  private func shown(_ event: JSONNode) -> String {
    let rest = (event.members ?? []).filter { !["type", "sequence_number", "response"].contains($0.name) }
    let name = event["type"]?.string ?? ""
    return rest.isEmpty ? name : name + " " + String(decoding: JSONNode.object(rest).bytes, as: UTF8.self)
  }

  @Test func `Events come in their order, numbered from 0, wherever the stream is cut`() throws {
    let length = Self.engine.map { "data: \($0)\n\n".utf8.count }.reduce(0, +)
    for cut in 0...length {
      let events = try events(Self.engine, cut: cut)
      #expect(events.map(shown) == Self.expected, "cut at \(cut)")
      #expect(events.compactMap { $0["sequence_number"]?.integer } == Array(0..<events.count))
    }
  }

  @Test func `The response object begins empty and ends whole`() throws {
    let events = try events(Self.engine)
    let first = try #require(events.first?["response"])
    #expect(first["status"] == "in_progress" && first["output"] == [] && first["usage"] == .null)
    let last = try #require(events.last?["response"])
    #expect(last["status"] == "completed" && last["id"] == "resp_1" && last["created_at"] == 5)
    #expect(last["completed_at"] == 9)
    #expect(
      last["output"]?.elements?.compactMap { $0["type"]?.string } == [
        "reasoning", "message", "function_call", "function_call",
      ])
    #expect(
      last["usage"]
        == [
          "input_tokens": 15, "input_tokens_details": ["cached_tokens": 14], "output_tokens": 3,
          "output_tokens_details": ["reasoning_tokens": 0], "total_tokens": 18,
        ])
  }

  @Test func `A whole answer gives the same items`() throws {
    var response = try response()
    try response.take(
      try JSONNode(
        parsing: #"""
          {"choices":[{"finish_reason":"tool_calls","message":{"role":"assistant","reasoning_content":"I need.\n",
            "content":"größe 😀","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},
              {"id":"b","function":{"name":"g","arguments":"{}"}}]}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}
          """#))
    let streamed = try events(Self.engine).last?["response"]?["output"]
    #expect(response.response()["output"] == streamed)
    #expect(response.response()["status"] == "completed")
    #expect(throws: ResponseFailure.self) { try response.take([:]) }
  }

  @Test(arguments: [("length", "max_output_tokens"), ("content_filter", "content_filter")])
  func `An answer that was cut short is incomplete`(reason: String, expected: String) throws {
    let events = try events([
      #"{"choices":[{"delta":{"content":"x"}}]}"#, #"{"choices":[{"delta":{},"finish_reason":"\#(reason)"}]}"#,
    ])
    #expect(events.last?["type"] == "response.incomplete")
    #expect(events.last?["response"]?["status"] == "incomplete")
    #expect(events.last?["response"]?["incomplete_details"] == ["reason": .string(expected)])
  }

  @Test func `The request is repeated, with defaults for what it left out`() throws {
    let plain = try response().response()
    let defaults: [(String, JSONNode)] = [
      ("object", "response"), ("model", "ai/x"), ("store", true), ("tool_choice", "auto"), ("tools", []),
      ("parallel_tool_calls", true), ("metadata", [:]), ("text", ["format": ["type": "text"]]),
      ("truncation", "disabled"), ("error", .null), ("incomplete_details", .null), ("instructions", .null),
      ("previous_response_id", .null), ("max_output_tokens", .null), ("background", false),
      ("reasoning", ["effort": nil, "summary": nil]),
    ]
    for (name, value) in defaults { #expect(plain[name] == value, "\(name)") }
    let given = try response(
      #","instructions":"i","metadata":{"a":"b"},"temperature":0.50,"user":"u","store":false,"previous_response_id":"p""#
    ).response()
    #expect(given["instructions"] == "i" && given["metadata"] == ["a": "b"] && given["user"] == "u")
    #expect(given["temperature"] == .number("0.50") && given["store"] == false && given["previous_response_id"] == "p")
  }

  @Test func `Errors, cancelling and streams that are cut short are told`() throws {
    var response = try response()
    var output: [UInt8] = []
    #expect(throws: ResponseFailure(status: 503, message: "busy")) {
      try response.translate(#"{"error":{"code":503,"message":"busy"}}"#, into: &output)
    }
    #expect(throws: ResponseFailure.self) { try response.translate("7", into: &output) }
    #expect(throws: ResponseFailure.self) { try response.finish(into: &output) }
    var failed = response
    failed.fail(code: "c", message: "m", into: &output)
    #expect(failed.response()["status"] == "failed")
    #expect(failed.response()["error"] == ["code": "c", "message": "m"])
    try response.translate(Self.engine[3], into: &output)
    response.cancel(into: &output)
    #expect(response.response()["status"] == "cancelled")
    #expect(response.output.count == 1)
  }
}

private final class Counter: Sendable {
  private let value = Mutex(0)

  func next() -> Int {
    value.withLock { value in
      value += 1
      return value
    }
  }
}
