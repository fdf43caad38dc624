// SPDX-License-Identifier: Apache-2.0

import PetrelWire
import Testing

@testable import PetrelAnthropic

@Suite struct MessagesAnswerTests {
  private func message(_ choice: String, _ more: String = "") throws -> JSONNode? {
    MessagesAnswer.message(
      try JSONNode(parsing: #"{"id":"chatcmpl-7","choices":[\#(choice)]\#(more)}"#), model: "ai/x")
  }

  @Test func `Thoughts, text and calls become blocks`() throws {
    let message = try message(
      #"""
      {"finish_reason":"tool_calls","message":{"role":"assistant","content":"I look.","reasoning_content":"Hm.",
        "tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\": [1]}"}},
          {"id":"b","function":{"name":"g","arguments":""}},{"id":"c","function":{"name":"h","arguments":"{\"y"}}]}}
      """#, #","usage":{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8}}"#)
    #expect(
      message
        == [
          "id": "msg_7", "type": "message", "role": "assistant", "model": "ai/x",
          "content": [
            ["type": "thinking", "thinking": "Hm.", "signature": ""], ["type": "text", "text": "I look."],
            ["type": "tool_use", "id": "a", "name": "f", "input": ["x": [1]]],
            ["type": "tool_use", "id": "b", "name": "g", "input": [:]],
            ["type": "tool_use", "id": "c", "name": "h", "input": ["invalid_json": #"{"y"#]],
          ], "stop_reason": "tool_use", "stop_sequence": nil,
          "usage": [
            "input_tokens": 4, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 8, "output_tokens": 5,
          ],
        ])
  }

  @Test func `A stop sequence is named`() throws {
    let message = try message(
      #"{"finish_reason":"stop","message":{"content":"x"}}"#, #","__verbose":{"stopping_word":"END"}"#)
    #expect(message?["stop_reason"] == "stop_sequence")
    #expect(message?["stop_sequence"] == "END")
  }

  @Test func `What is no completion is no message`() throws {
    #expect(MessagesAnswer.message([:], model: "x") == nil)
    #expect(MessagesAnswer.message(["choices": []], model: "x") == nil)
    #expect(MessagesAnswer.count(["input_tokens": 7]) == ["input_tokens": 7])
    #expect(MessagesAnswer.count(["tokens": 7]) == nil)
  }

  @Test(arguments: [
    (400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"), (404, "not_found_error"),
    (413, "request_too_large"), (422, "invalid_request_error"), (429, "rate_limit_error"), (500, "api_error"),
    (503, "overloaded_error"), (504, "timeout_error"),
  ])
  func `Errors have the type of their status`(status: Int, type: String) {
    #expect(
      MessagesErrorBody.node(status: status, message: "m")
        == ["type": "error", "error": ["type": .string(type), "message": "m"]])
  }
}
