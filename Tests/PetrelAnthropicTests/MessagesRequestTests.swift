// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts
import PetrelWire
import Testing

@testable import PetrelAnthropic

@Suite struct MessagesRequestTests {
  private func chat(_ members: String, isCount: Bool = false) throws -> JSONNode {
    try MessagesRequest(node(members), isCount: isCount).chat
  }

  private func node(_ members: String) throws -> JSONNode {
    let messages = members.contains("\"messages\"") ? "" : #","messages":[{"role":"user","content":"hi"}]"#
    return try JSONNode(parsing: #"{"model":"ai/x",\#(members)\#(messages)}"#)
  }

  @Test func `A conversation with tools, thoughts and images becomes one of chat completions`() throws {
    let chat = try chat(
      #"""
      "max_tokens":100,"system":[{"type":"text","text":"One.","cache_control":{"type":"ephemeral"}},
        {"type":"text","text":"Two."}],
      "messages":[
        {"role":"user","content":[{"type":"text","text":"See:"},
          {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"s"},
          {"type":"redacted_thinking","data":"x"},{"type":"text","text":"I look."},
          {"type":"tool_use","id":"t1","name":"look","input":{"b":1.50,"a":"<\n>"}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"r1"},
          {"type":"text","text":"r2"}]},{"type":"tool_result","tool_use_id":"t2","is_error":true,"content":"no"},
          {"type":"text","text":"And?"}]}]
      """#)
    #expect(
      chat["messages"]
        == [
          ["role": "system", "content": "One.\nTwo."],
          [
            "role": "user",
            "content": [
              ["type": "text", "text": "See:"],
              ["type": "image_url", "image_url": ["url": "data:image/png;base64,aGk="]],
            ],
          ],
          [
            "role": "assistant", "content": "I look.", "reasoning_content": "Hm.",
            "tool_calls": [
              [
                "id": "t1", "type": "function",
                "function": ["name": "look", "arguments": #"{"b":1.50,"a":"<\n>"}"#],
              ]
            ],
          ],
          ["role": "tool", "tool_call_id": "t1", "content": "r1\nr2"],
          ["role": "tool", "tool_call_id": "t2", "content": "The tool failed.\nno"],
          ["role": "user", "content": "And?"],
        ])
    #expect(chat["max_tokens"] == 100)
    #expect(chat["system"] == nil)
    #expect(chat["stream"] == nil)
  }

  @Test func `Sampling, stops and a stream are asked for in the engine's words`() throws {
    let request = try MessagesRequest(
      node(
        #""max_tokens":7,"temperature":0.5,"top_p":0.9,"top_k":40,"stop_sequences":["END"],"stream":true,"min_p":0.1,"#
          + #""metadata":{"user_id":"u"},"service_tier":"auto","cache_control":{"type":"ephemeral"},"keep_alive":"5m""#)
    )
    let chat = request.chat
    #expect(request.isStream && request.hasStopSequences)
    #expect(chat["temperature"] == .number("0.5") && chat["top_p"] == .number("0.9") && chat["top_k"] == 40)
    #expect(chat["stop"] == ["END"])
    #expect(chat["verbose"] == true && chat["response_fields"] == ["stopping_word"])
    #expect(chat["stream"] == true && chat["stream_options"] == ["include_usage": true])
    #expect(chat["return_progress"] == true)
    // What is unknown is passed on; what only Anthropic has is not.
    #expect(chat["min_p"] == .number("0.1"))
    for name in ["stop_sequences", "metadata", "service_tier", "cache_control", "keep_alive"] {
      #expect(chat[name] == nil, "\(name)")
    }
    #expect(try self.chat(#""x":1"#)["max_tokens"] == 4096)
  }

  @Test(arguments: [
    (#"{"type":"auto"}"#, #""auto""#), (#"{"type":"any"}"#, #""required""#), (#"{"type":"none"}"#, #""none""#),
    (#"{"type":"tool","name":"f"}"#, #"{"type":"function","function":{"name":"f"}}"#),
  ])
  func `Choices of tools are translated`(choice: String, expected: String) throws {
    let chat = try chat(
      #""tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"cache_control":{}}],"#
        + #""tool_choice":\#(choice)"#)
    #expect(chat["tool_choice"] == (try JSONNode(parsing: expected)))
    #expect(
      chat["tools"]
        == [
          ["type": "function", "function": ["name": "f", "description": "d", "parameters": ["type": "object"]]]
        ])
    let single = try self.chat(#""tool_choice":{"type":"auto","disable_parallel_tool_use":true}"#)
    #expect(single["parallel_tool_calls"] == false)
  }

  @Test func `Thinking, effort and forms of answers reach the engine`() throws {
    let on = try chat(
      #""thinking":{"type":"enabled","budget_tokens":2048},"chat_template_kwargs":{"x":1,"enable_thinking":false}"#)
    #expect(on["thinking_budget_tokens"] == 2048)
    #expect(on["chat_template_kwargs"] == ["x": 1, "enable_thinking": true])
    #expect(try chat(#""thinking":{"type":"disabled"}"#)["chat_template_kwargs"] == ["enable_thinking": false])
    #expect(try chat(#""thinking":{"type":"adaptive"}"#)["chat_template_kwargs"] == nil)
    let form = try chat(
      #""output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}}"#)
    #expect(form["reasoning_effort"] == "low")
    #expect(
      form["response_format"]
        == ["type": "json_schema", "json_schema": ["name": "output", "schema": ["type": "object"]]])
  }

  @Test func `A count takes the prompt alone`() throws {
    let chat = try chat(#""max_tokens":0,"stream":true,"system":"s","stop_sequences":["x"]"#, isCount: true)
    #expect(chat.members?.map(\.name) == ["model", "messages"])
  }

  @Test(arguments: [
    (#""stream":"yes""#, "stream:"), (#""max_tokens":0"#, "max_tokens:"), (#""max_tokens":1.5"#, "max_tokens:"),
    (#""temperature":"hot""#, "temperature:"), (#""top_p":2"#, "top_p:"), (#""top_k":-1"#, "top_k:"),
    (#""stop_sequences":"x""#, "stop_sequences:"), (#""stop_sequences":[""]"#, "stop_sequences:"),
    (#""system":5"#, "system:"), (#""system":[{"type":"image"}]"#, "system.0:"),
    (#""messages":"x""#, "messages:"), (#""messages":[]"#, "messages:"),
    (#""messages":[{"role":"robot","content":"x"}]"#, "messages.0.role:"),
    (#""messages":[{"role":"user"}]"#, "messages.0.content:"),
    (#""messages":[{"role":"user","content":7}]"#, "messages.0.content:"),
    (#""messages":[{"role":"user","content":[{"type":"smell"}]}]"#, "messages.0.content.0.type:"),
    (
      #""messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"http://x/y"}}]}]"#,
      "messages.0.content.0.source:"
    ),
    (
      #""messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64"}}]}]"#,
      "messages.0.content.0.source.type:"
    ),
    (
      #""messages":[{"role":"user","content":[{"type":"tool_result"}]}]"#, "messages.0.content.0.tool_use_id:"
    ),
    (#""messages":[{"role":"assistant","content":[{"type":"tool_use"}]}]"#, "messages.0.content.0:"),
    (#""tools":[{"type":"web_search_20250305","name":"web_search"}]"#, "tools.0:"),
    (#""tools":[{"name":"f"}]"#, "tools.0.input_schema:"), (#""tool_choice":{"type":"some"}"#, "tool_choice.type:"),
    (#""thinking":{"type":"enabled","budget_tokens":0}"#, "thinking.budget_tokens:"),
    (#""thinking":true"#, "thinking.type:"), (#""mcp_servers":[{}]"#, "mcp_servers:"),
    (#""output_config":{"format":{"type":"json_schema"}}"#, "output_config.format:"),
  ])
  func `A mistake is told with its place`(members: String, place: String) throws {
    let node = try node(members)
    let error = #expect(throws: MessagesError.self) { try MessagesRequest(node) }
    #expect(error?.message.hasPrefix(place + " ") == true, "\(error?.message ?? "")")
  }

  @Test func `Without a model nothing can be done`() throws {
    for body in ["[]", "{}", #"{"model":"","messages":[]}"#, #"{"model":7}"#] {
      let node = try JSONNode(parsing: body)
      #expect(throws: MessagesError.self) { try MessagesRequest(node) }
    }
  }

  @Test func `Rules for prompts are applied and named`() throws {
    let request = try MessagesRequest(
      node(#""system":"x-anthropic-billing-header: 1\nBe brief.""#), rules: .standard)
    #expect(request.appliedRules == ["drop x-anthropic-billing-header:"])
    #expect(request.chat["messages"]?.elements?.first == ["role": "system", "content": "Be brief."])
  }
}
