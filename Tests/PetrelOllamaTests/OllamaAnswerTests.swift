// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

@testable import PetrelOllama

@Suite struct OllamaAnswerTests {
  private static let time = "2026-11-21T15:45:52.000000000Z"

  private static func line(_ message: String, _ rest: String = #","done":false"#) -> String {
    #"{"model":"m","created_at":"\#(time)","message":{"role":"assistant",\#(message)}\#(rest)}"# + "\n"
  }

  private static func chunk(_ delta: String, _ reason: String = "null") -> String {
    #"data: {"choices":[{"finish_reason":\#(reason),"index":0,"delta":{\#(delta)}}],"object":"chat.completion.chunk"}"#
      + "\n\n"
  }

  private static func call(_ index: Int, _ members: String) -> String {
    #""tool_calls":[{"index":\#(index),\#(members)}]"#
  }

  private static let usage =
    #"data: {"choices":[],"usage":{"completion_tokens":4,"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":6}},"#
    + #""timings":{"cache_n":6,"prompt_n":4,"prompt_ms":26.085,"predicted_n":4,"predicted_ms":3.5}}"# + "\n\n"

  private static let closing =
    #","total_duration":0,"load_duration":0,"prompt_eval_count":10,"prompt_cached_count":6,"#
    + #""prompt_eval_duration":26085000,"eval_count":4,"eval_duration":3500000"#

  /// Streams of an engine and what becomes of them.
  private static let golden: [(stream: String, lines: String)] = [
    (
      chunk(#""role":"assistant","content":null"#) + chunk(#""content":"Hé""#) + ": note\n\n"
        + chunk(#""content":"😀\n""#) + chunk("", #""stop""#) + usage + "data: [DONE]\n\n",
      line(#""content":"Hé""#) + line(#""content":"😀\n""#)
        + line(#""content":"""#, #","done":true,"done_reason":"stop""# + closing)
    ),
    (
      chunk(#""reasoning_content":"I ""#) + chunk(#""reasoning_content":"think""#)
        + chunk(call(0, #""id":"x","type":"function","function":{"name":"f","arguments":"{"}"#))
        + chunk(call(0, #""function":{"arguments":"\"city\": \"Paris\"}"}"#))
        + chunk(call(1, #""id":"y","type":"function","function":{"name":"g","arguments":""}"#))
        + chunk("", #""tool_calls""#) + usage + "data: [DONE]\n\n",
      line(#""content":"","thinking":"I ""#) + line(#""content":"","thinking":"think""#)
        + line(
          #""content":"","tool_calls":[{"id":"x","function":{"index":0,"name":"f","arguments":{"city":"Paris"}}}]"#)
        + line(#""content":"","tool_calls":[{"id":"y","function":{"index":1,"name":"g","arguments":{}}}]"#)
        + line(#""content":"""#, #","done":true,"done_reason":"stop""# + closing)
    ),
    (
      // Without a word of an end, and with arguments that are cut off.
      chunk(call(0, #""id":"x","function":{"name":"f","arguments":"{\"a"}"#)) + chunk("", #""length""#) + usage,
      line(#""content":"","tool_calls":[{"id":"x","function":{"index":0,"name":"f","arguments":"{\"a"}}]"#)
        + line(#""content":"""#, #","done":true,"done_reason":"length""# + closing)
    ),
  ]

  /// Feeds the pieces of an engine's stream.
  private func translated(_ pieces: [[UInt8]]) throws -> String {
    var answer = OllamaAnswer(try chat(#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#), at: moment)
    var decoder = SSEDecoder()
    var output: [UInt8] = []
    for piece in pieces {
      for event in try decoder.decode(piece) where event.data != "[DONE]" {
        try answer.add(try JSONNode(parsing: event.data), at: moment, into: &output)
      }
    }
    answer.finish(at: moment, into: &output)
    return text(output)
  }

  @Test(arguments: golden.indices) func `A stream is translated the same wherever it is cut`(number: Int) throws {
    let (stream, lines) = Self.golden[number]
    let bytes = Array(stream.utf8)
    #expect(try translated([bytes]) == lines)
    #expect(try translated(bytes.map { [$0] }) == lines)
    for cut in bytes.indices {
      let result = try translated([Array(bytes[..<cut]), Array(bytes[cut...])])
      guard result == lines else {
        Issue.record("cut at \(cut): \(result)")
        break
      }
    }
  }

  @Test func `Each line is one JSON document`() throws {
    for (stream, _) in Self.golden {
      for line in try translated([Array(stream.utf8)]).split(separator: "\n") {
        #expect(throws: Never.self) { try JSONNode(parsing: String(line)) }
      }
    }
  }

  @Test func `An error of the engine in its stream is thrown`() throws {
    #expect(throws: OllamaAnswer.EngineFailure(status: 503, message: "no slot")) {
      try translated([Array("data: {\"error\":{\"code\":503,\"message\":\"no slot\"}}\n\n".utf8)])
    }
  }

  @Test func `Bare completions and infills are understood`() throws {
    var raw = OllamaAnswer(try generate(#"{"model":"m","prompt":"x","raw":true}"#), at: moment)
    var output: [UInt8] = []
    try raw.add(
      try JSONNode(parsing: #"{"choices":[{"text":"a","index":0,"finish_reason":null}]}"#), at: moment, into: &output)
    raw.finish(at: moment, into: &output)
    let opening = #"{"model":"m","created_at":"\#(Self.time)","response":"#
    #expect(text(output).hasPrefix(opening + #""a","done":false}"# + "\n" + opening + #""","done":true,"#))
    #expect(!text(output).contains("context"))

    var infill = OllamaAnswer(try generate(#"{"model":"m","prompt":"x","suffix":"y"}"#), at: moment)
    output = []
    for chunk in [#"{"content":"a","stop":false}"#, #"{"content":"","stop":true,"stop_type":"limit"}"#] {
      try infill.add(try JSONNode(parsing: chunk), at: moment, into: &output)
    }
    infill.finish(at: moment, into: &output)
    #expect(text(output).contains(opening + #""a","done":false}"#))
    #expect(text(output).contains(#""done_reason":"length""#))
  }

  @Test func `An answer in one piece has everything`() throws {
    var answer = OllamaAnswer(
      try chat(#"{"model":"m","stream":false,"messages":[{"role":"user","content":"x"}]}"#), at: moment)
    answer.modelIsLoaded(at: moment(after: 20))
    let document = try JSONNode(
      parsing: #"""
        {"choices":[{"finish_reason":"tool_calls","index":0,"message":{"role":"assistant","content":"so",
          "reasoning_content":"hm","tool_calls":[{"type":"function","id":"x",
          "function":{"name":"f","arguments":"{\"a\":1}"}}]},
          "logprobs":{"content":[{"token":"so","logprob":-0.5}]}}],
          "usage":{"completion_tokens":3,"prompt_tokens":2}}
        """#)
    #expect(
      text(try answer.whole(document, at: moment(after: 100)))
        == #"{"model":"m","created_at":"2026-11-21T15:45:52.000000100Z","message":{"role":"assistant","content":"so","#
        + #""thinking":"hm","tool_calls":[{"id":"x","function":{"index":0,"name":"f","arguments":{"a":1}}}]},"#
        + #""logprobs":[{"token":"so","logprob":-0.5}],"done":true,"done_reason":"stop","total_duration":100,"#
        + #""load_duration":20,"prompt_eval_count":2,"prompt_eval_duration":80,"eval_count":3,"eval_duration":0}"#
        + "\n")
  }

  @Test func `Times are measured where the engine has none`() throws {
    var answer = OllamaAnswer(try chat(#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#), at: moment)
    answer.modelIsLoaded(at: moment(after: 10))
    var output: [UInt8] = []
    try answer.add(
      try JSONNode(parsing: #"{"choices":[{"delta":{"content":"a"}}]}"#), at: moment(after: 40), into: &output)
    output = []
    answer.finish(at: moment(after: 100), into: &output)
    #expect(
      text(output).contains(
        #""total_duration":100,"load_duration":10,"prompt_eval_duration":30,"eval_duration":60}"#))
  }

  @Test func `Loading and unloading have answers of their own`() throws {
    let answer = OllamaAnswer(try chat(#"{"model":"m"}"#), at: moment)
    #expect(
      text(answer.withoutPrompt(unloads: false, at: moment))
        == Self.line(#""content":"""#, #","done":true,"done_reason":"load""#))
    let generated = OllamaAnswer(try generate(#"{"model":"m"}"#), at: moment)
    #expect(
      text(generated.withoutPrompt(unloads: true, at: moment))
        == #"{"model":"m","created_at":"\#(Self.time)","response":"","done":true,"done_reason":"unload"}"# + "\n")
  }
}
