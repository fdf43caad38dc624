// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelServer

/// Rules about prompts on OpenAI's own path.
@Suite struct PromptLaneTests {
  private static let engine: FakeEngine.Script = { _, channel in
    channel.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
  }

  private static func chat(_ prompt: String, _ more: String = "") -> String {
    #"{ "model":"\#(LaneFixture.model)", "messages":[{"role":"system","content":"\#(prompt)"},{"role":"user","content":"a"}]\#(more)}"#
  }

  @Test func `The beginning that changes does not reach the engine, and the record says so`() async throws {
    try await withLane(Self.engine) { lane in
      _ = try await lane.answer(Self.chat(#"x-anthropic-billing-header: 7;\nCurrent time: 12:00\nBe brief."#))
      let seen = try JSONNode(parsing: try #require(lane.engine.requests.first).body)
      #expect(
        seen["messages"] == [
          ["role": "system", "content": "Be brief."], ["role": "user", "content": "a\n\nCurrent time: 12:00"],
        ])
      try await eventually("the request is recorded") { await !lane.records().isEmpty }
      let record = try #require(await lane.records().first)
      #expect(
        record.origin == "openai/chat; prompt rules: drop x-anthropic-billing-header:, move current time")
      #expect(!record.request.contains("billing"))
    }
  }

  @Test func `Other requests pass byte for byte`() async throws {
    try await withLane(Self.engine) { lane in
      let bodies = [Self.chat("Be brief.\\nDon't say the date: never."), Self.chat(#"\"Date\" is a word"#)]
      for body in bodies { _ = try await lane.answer(body) }
      #expect(lane.engine.requests.map(\.body) == bodies)
      try await eventually("the requests are recorded") { await lane.records().count == 2 }
      #expect(await lane.records().allSatisfy { $0.origin == nil })
    }
  }

  @Test func `A rule and a function that is chosen both hold`() async throws {
    try await withLane(Self.engine) { lane in
      let tools =
        #","tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],"#
        + #""tool_choice":{"type":"function","function":{"name":"g"}}"#
      _ = try await lane.answer(Self.chat(#"Date: 1\nx"#, tools))
      let seen = try JSONNode(parsing: try #require(lane.engine.requests.first).body)
      #expect(seen["tool_choice"] == "required" && seen["tools"]?.elements?.count == 1)
      #expect(seen["messages"]?.elements?.first?["content"] == "x")
    }
  }
}
