// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts
import PetrelWire
import Testing

@testable import PetrelResponses

@Suite struct ResponsesRequestTests {
  private func request(
    _ members: String, history: [JSONNode] = [], rules: PromptRules = .none
  ) throws -> ResponsesRequest {
    var count = 0
    let node = try JSONNode(parsing: #"{"model":"ai/x",\#(members)}"#)
    return try ResponsesRequest(node, history: history, rules: rules) { prefix in
      count += 1
      return "\(prefix)_\(count)"
    }
  }

  @Test func `A text is one message of the user`() throws {
    let request = try request(#""input":"hi","instructions":"Be brief.""#)
    #expect(
      request.chat["messages"]
        == [["role": "system", "content": "Be brief."], ["role": "user", "content": "hi"]])
    #expect(
      request.input
        == [
          [
            "id": "msg_1", "type": "message", "status": "completed", "role": "user",
            "content": [["type": "input_text", "text": "hi"]],
          ]
        ])
    #expect(request.isStored && !request.isStream && request.previousID == nil)
    #expect(request.chat["stream"] == nil)
  }

  @Test func `Thoughts, words and calls of one turn are one message`() throws {
    let request = try request(
      #"""
      "input":[
        {"role":"developer","content":"rules"},
        {"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
        {"type":"reasoning","id":"rs","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look.","annotations":[]}]},
        {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\":1}"},
        {"type":"function_call","call_id":"c2","name":"g","arguments":""},
        {"type":"function_call_output","call_id":"c1","output":"r1"},
        {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"r2"}]},
        {"type":"reasoning","summary":[{"type":"summary_text","text":"lost"}]},
        {"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,aGk="}]}]
      """#)
    #expect(
      request.chat["messages"]
        == [
          ["role": "system", "content": "rules"], ["role": "user", "content": "a\nb"],
          [
            "role": "assistant", "content": "I look.", "reasoning_content": "hm",
            "tool_calls": [
              ["id": "c1", "type": "function", "function": ["name": "f", "arguments": #"{"x":1}"#]],
              ["id": "c2", "type": "function", "function": ["name": "g", "arguments": ""]],
            ],
          ],
          ["role": "tool", "tool_call_id": "c1", "content": "r1"],
          ["role": "tool", "tool_call_id": "c2", "content": "r2"],
          [
            "role": "user",
            "content": [["type": "image_url", "image_url": ["url": "data:image/png;base64,aGk="]]],
          ],
        ])
    #expect(request.input.compactMap { $0["id"]?.string }.count == 10)
    #expect(request.input[2]["id"] == "rs")
  }

  @Test func `Earlier turns come before the input, and no instructions of theirs`() throws {
    let history: [JSONNode] = [
      ["type": "message", "role": "user", "content": "one"],
      ["type": "message", "role": "assistant", "content": [["type": "output_text", "text": "two"]]],
    ]
    let request = try request(#""input":"three","previous_response_id":"resp_1""#, history: history)
    #expect(
      request.chat["messages"]
        == [
          ["role": "user", "content": "one"], ["role": "assistant", "content": "two"],
          ["role": "user", "content": "three"],
        ])
    #expect(request.previousID == "resp_1")
    #expect(request.input.count == 1)
    #expect(try self.request(#""previous_response_id":"r""#, history: history).input.isEmpty)
  }

  @Test func `Sampling, tools, forms and reasoning reach the engine`() throws {
    let chat = try request(
      #"""
      "input":"x","temperature":0.5,"top_p":0.9,"max_output_tokens":7,"stream":true,"min_p":0.1,"seed":3,
      "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true},
        {"type":"function","function":{"name":"g"}}],"tool_choice":{"type":"function","name":"f"},
      "parallel_tool_calls":false,"reasoning":{"effort":"low","summary":"auto"},"metadata":{"a":"b"},"store":false,
      "include":["reasoning.encrypted_content"],"prompt_cache_key":"k","user":"u","truncation":"disabled",
      "text":{"format":{"type":"json_schema","name":"n-1","schema":{"type":"object"},"strict":true},"verbosity":"low"}
      """#
    ).chat
    let expected: JSONNode = [
      "temperature": .number("0.5"), "top_p": .number("0.9"), "max_tokens": 7, "stream": true,
      "stream_options": ["include_usage": true], "min_p": .number("0.1"), "seed": 3,
      "tools": [
        [
          "type": "function",
          "function": ["name": "f", "description": "d", "parameters": ["type": "object"], "strict": true],
        ], ["type": "function", "function": ["name": "g"]],
      ], "tool_choice": ["type": "function", "function": ["name": "f"]], "parallel_tool_calls": false,
      "reasoning_effort": "low",
      "response_format": [
        "type": "json_schema", "json_schema": ["name": "n-1", "schema": ["type": "object"], "strict": true],
      ],
    ]
    for member in expected.members ?? [] { #expect(chat[member.name] == member.value, "\(member.name)") }
    let names = Set(chat.members?.map(\.name) ?? [])
    #expect(names == Set((expected.members ?? []).map(\.name)).union(["model", "messages"]))
    let calm = try request(#""input":"x","reasoning":{"effort":"none"}"#).chat
    #expect(calm["chat_template_kwargs"] == ["enable_thinking": false])
    #expect(
      try request(#""input":"x","text":{"format":{"type":"json_object"}}"#).chat["response_format"] == [
        "type": "json_object"
      ])
  }

  @Test(arguments: [
    (#""input":7"#, "input"), (#""x":1"#, "input"), (#""input":[7]"#, "input[0]"),
    (#""input":[{"type":"web_search_call"}]"#, "input[0].type"), (#""input":[{"x":1}]"#, "input[0].type"),
    (#""input":[{"type":"item_reference","id":"x"}]"#, "input[0].type"),
    (#""input":[{"role":"robot","content":"x"}]"#, "input[0].role"),
    (#""input":[{"role":"user","content":7}]"#, "input[0].content"),
    (#""input":[{"role":"user","content":[{"type":"input_file"}]}]"#, "input[0].content[0].type"),
    (
      #""input":[{"role":"user","content":[{"type":"input_image","image_url":"http://x/y"}]}]"#,
      "input[0].content[0].image_url"
    ),
    (#""input":[{"type":"function_call_output","output":"x"}]"#, "input[0].call_id"),
    (#""input":[{"type":"function_call","name":"x"}]"#, "input[0]"),
    (#""input":"x","prompt":{"id":"p"}"#, "prompt"), (#""input":"x","truncation":"auto""#, "truncation"),
    (#""input":"x","top_logprobs":2"#, "top_logprobs"), (#""input":"x","include":["file"]"#, "include"),
    (#""input":"x","metadata":{"a":1}"#, "metadata"), (#""input":"x","stream":"yes""#, "stream"),
    (#""input":"x","store":1"#, "store"), (#""input":"x","instructions":[]"#, "instructions"),
    (#""input":"x","temperature":3"#, "temperature"), (#""input":"x","max_output_tokens":0"#, "max_output_tokens"),
    (#""input":"x","tools":[{"type":"web_search"}]"#, "tools[0].type"),
    (#""input":"x","tools":[{"type":"function"}]"#, "tools[0].name"),
    (#""input":"x","tool_choice":"some""#, "tool_choice"),
    (#""input":"x","text":{"format":{"type":"xml"}}"#, "text.format.type"),
    (#""input":"x","text":{"format":{"type":"json_schema","name":"a b","schema":{}}}"#, "text.format.name"),
    (#""input":"x","text":{"format":{"type":"json_schema","name":"a"}}"#, "text.format.schema"),
    (#""input":"x","previous_response_id":7"#, "previous_response_id"),
  ])
  func `A mistake is told with its field`(members: String, param: String) throws {
    let error = #expect(throws: ResponsesError.self) { try request(members) }
    #expect(error?.param == param)
    #expect(error?.message.hasPrefix(param + " ") == true)
  }

  @Test func `Rules for prompts are applied and named`() throws {
    let request = try request(
      #""input":"hi","instructions":"Current date: today\nBe brief.""#, rules: .standard)
    #expect(request.appliedRules == ["move current date"])
    #expect(
      request.chat["messages"]
        == [
          ["role": "system", "content": "Be brief."], ["role": "user", "content": "hi\n\nCurrent date: today"],
        ])
  }
}
