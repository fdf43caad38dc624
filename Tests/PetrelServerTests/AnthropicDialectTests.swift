// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelServer

/// With an engine that knows chat completions alone.
@Suite struct AnthropicDialectTests {
  private static let paths = [
    "/anthropic/v1/messages", "/v1/messages", "/engines/v1/messages", "/engines/llama.cpp/v1/messages",
    "/exp/vDD4.40/anthropic/v1/messages",
  ]
  private static let events =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

  private static func whole(_ text: String, _ status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
  }

  private static func chunk(_ data: String) -> String {
    let event = "data: \(data)\n\n"
    return "\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n"
  }

  private func request(_ more: String = "") -> String {
    #"{"model":"\#(LaneFixture.model)","max_tokens":9,"messages":[{"role":"user","content":"hi"}]\#(more)}"#
  }

  private func body(_ answer: String) throws -> JSONNode {
    let start = try #require(answer.firstRange(of: "\r\n\r\n")).upperBound
    return try JSONNode(parsing: String(answer[start...]))
  }

  /// An engine that answers chats, and nothing else.
  private static let engine: FakeEngine.Script = { request, channel in
    guard request.head.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\n") else {
      return channel.send(
        whole(#"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#, "404 X"))
    }
    channel.send(
      whole(
        #"{"id":"chatcmpl-1","choices":[{"finish_reason":"stop","message":{"content":"héllo"}}],"#
          + #""usage":{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":3}}}"#))
  }

  @Test(arguments: paths) func `A message is answered at every path`(path: String) async throws {
    try await withLane(Self.engine) { lane in
      let headers = "x-api-key: k\r\nanthropic-version: 2023-06-01\r\nanthropic-beta: a,b\r\nConnection: close\r\n"
      let answer = try await lane.post(request(), to: path, headers: headers).receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
      let message = try body(answer)
      #expect(message["content"] == [["type": "text", "text": "héllo"]])
      #expect(message["model"]?.string == LaneFixture.model)
      #expect(message["usage"]?["cache_read_input_tokens"] == 3)
      let seen = try #require(lane.engine.requests.first)
      #expect(!seen.head.lowercased().contains("x-api-key"))
      let sent = try JSONNode(parsing: seen.body)
      #expect(sent["messages"] == [["role": "user", "content": "hi"]])
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A stream has Anthropic's events`() async throws {
    try await withLane({ _, channel in
      channel.send(
        Self.events
          + Self.chunk(#"{"id":"chatcmpl-1","choices":[{"delta":{"role":"assistant"}}],"prompt_progress":{"total":4}}"#)
          + Self.chunk(#"{"choices":[{"delta":{"content":"hé"}}]}"#)
          + Self.chunk(#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#) + Self.chunk("[DONE]") + "0\r\n\r\n")
    }) { lane in
      let client = try await lane.post(request(#","stream":true"#), to: "/v1/messages")
      let answer = try await client.receive(through: "\r\n0\r\n\r\n")
      #expect(answer.lowercased().contains("\r\ncontent-type: text/event-stream"))
      let names = answer.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
      #expect(
        names == [
          "message_start", "ping", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
          "message_stop",
        ])
      #expect(answer.contains(#""stop_reason":"max_tokens""#))
    }
  }

  @Test func `An error in the middle of a stream is an event`() async throws {
    try await withLane({ _, channel in
      channel.send(
        Self.events + Self.chunk(#"{"choices":[{"delta":{"content":"x"}}]}"#)
          + Self.chunk(#"{"error":{"code":500,"message":"it broke"}}"#))
    }) { lane in
      let client = try await lane.post(request(#","stream":true"#), to: "/v1/messages")
      let answer = try await client.receive(through: "\r\n0\r\n\r\n")
      #expect(answer.contains("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","))
      #expect(answer.contains("it broke") && !answer.contains("message_stop"))
    }
  }

  @Test func `An engine that ends leaves an error event`() async throws {
    try await withLane({ _, channel in
      channel.sendAndClose(Self.events + Self.chunk(#"{"choices":[{"delta":{"content":"x"}}]}"#))
    }) { lane in
      let client = try await lane.post(request(#","stream":true"#), to: "/v1/messages")
      let answer = try await client.receive(through: "event: error")
      #expect(answer.contains("content_block_delta"))
    }
  }

  @Test(arguments: [
    (#"{"model":"nope","messages":[{"role":"user","content":"hi"}]}"#, "404", "not_found_error"),
    (#"{"model":"ai/fake","messages":[]}"#, "400", "invalid_request_error"),
    (#"{"messages":[]}"#, "400", "invalid_request_error"), ("{", "400", "invalid_request_error"),
  ])
  func `Refusals have Anthropic's form`(body text: String, status: String, type: String) async throws {
    try await withLane(Self.engine) { lane in
      let answer = try await lane.post(text, to: "/anthropic/v1/messages", headers: "Connection: close\r\n")
        .receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
      let error = try body(answer)
      #expect(error["type"] == "error")
      #expect(error["error"]?["type"]?.string == type)
      #expect(error["error"]?["message"]?.string?.isEmpty == false)
    }
  }

  @Test func `Errors of the engine have Anthropic's form, and a long prompt both counts`() async throws {
    let refusal =
      #"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":4}}"#
    try await withLane({ _, channel in channel.send(Self.whole(refusal, "400 Bad Request")) }) { lane in
      let answer = try await lane.post(
        request(#","stream":true"#), to: "/v1/messages", headers: "Connection: close\r\n"
      )
      .receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      #expect(try body(answer)["error"]?["message"] == "prompt is too long: 9 tokens > 4 maximum")
    }
    let blind = #"{"error":{"code":500,"message":"image input is not supported - hint: mmproj","type":"server_error"}}"#
    try await withLane({ _, channel in channel.send(Self.whole(blind, "500 X")) }) { lane in
      let answer = try await lane.post(request(), to: "/v1/messages", headers: "Connection: close\r\n").receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      #expect(try body(answer)["error"]?["message"]?.string?.contains("mmproj") == true)
    }
  }

  @Test func `Tokens are counted by the engine`() async throws {
    try await withLane({ request, channel in
      #expect(request.head.hasPrefix("POST /v1/chat/completions/input_tokens HTTP/1.1\r\n"))
      channel.send(Self.whole(#"{"input_tokens":17,"object":"response.input_tokens"}"#))
    }) { lane in
      let client = try await lane.post(request(), to: "/v1/messages/count_tokens", headers: "Connection: close\r\n")
      #expect(try body(try await client.receiveAll()) == ["input_tokens": 17])
    }
  }

  @Test func `What was changed about a prompt is in the record`() async throws {
    try await withLane(Self.engine) { lane in
      let text = request(#","system":"x-anthropic-billing-header: 1\nBe brief.""#)
      _ = try await lane.post(text, to: "/v1/messages", headers: "Connection: close\r\n").receiveAll()
      #expect(lane.engine.requests.first?.body.contains("billing") == false)
      try await eventually("the request is recorded") { await !lane.records().isEmpty }
      let record = try #require(await lane.records().first)
      #expect(record.origin == "anthropic/messages; prompt rules: drop x-anthropic-billing-header:")
      #expect(record.url == "/v1/messages")
    }
  }
}
