// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelServer

/// With an engine that knows chat completions alone.
@Suite struct ResponsesDialectTests {
  private static let events =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

  private static func whole(_ text: String, _ status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
  }

  private static func chunk(_ data: String) -> String {
    let event = "data: \(data)\n\n"
    return "\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n"
  }

  private static let engine: FakeEngine.Script = { _, channel in
    channel.send(
      whole(
        #"{"choices":[{"finish_reason":"stop","message":{"content":"héllo"}}],"#
          + #""usage":{"prompt_tokens":5,"completion_tokens":1}}"#))
  }

  private func request(_ more: String = "") -> String {
    #"{"model":"\#(LaneFixture.model)","input":"hi"\#(more)}"#
  }

  private func node(_ client: RawClient) async throws -> JSONNode {
    let answer = try await client.receiveAll()
    let start = try #require(answer.firstRange(of: "\r\n\r\n")).upperBound
    return try JSONNode(parsing: String(answer[start...]))
  }

  private func create(_ lane: LaneFixture, _ more: String = "", at path: String = "/v1/responses") async throws
    -> JSONNode
  {
    try await node(lane.post(request(more), to: path, headers: "Connection: close\r\n"))
  }

  private func call(_ lane: LaneFixture, _ method: String, _ path: String) async throws -> JSONNode {
    let client = try await RawClient.connect(port: lane.port)
    try await client.send("\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    return try await node(client)
  }

  @Test(arguments: [
    "/responses", "/v1/responses", "/engines/responses", "/engines/v1/responses", "/engines/llama.cpp/v1/responses",
    "/exp/vDD4.40/v1/responses",
  ])
  func `A response is made, kept, told, and deleted, at every path`(path: String) async throws {
    try await withLane(Self.engine) { lane in
      let response = try await create(lane, at: path)
      let id = try #require(response["id"]?.string)
      #expect(response["status"] == "completed")
      #expect(response["output"]?.elements?.first?["content"]?.elements?.first?["text"] == "héllo")
      #expect(try await call(lane, "GET", "\(path)/\(id)") == response)
      let items = try await call(lane, "GET", "/v1/responses/\(id)/input_items")
      #expect(items["data"]?.elements?.first?["content"]?.elements?.first?["text"] == "hi")
      #expect(items["has_more"] == false)
      let tooLate = try await call(lane, "POST", "\(path)/\(id)/cancel")
      #expect(tooLate["error"]?["code"] == "response_not_in_progress")
      #expect(try await call(lane, "DELETE", "\(path)/\(id)")["deleted"] == true)
      for method in ["GET", "DELETE"] {
        #expect(try await call(lane, method, "\(path)/\(id)")["error"]?["code"] == "response_not_found")
      }
    }
  }

  @Test func `The engine gets every turn of a conversation`() async throws {
    try await withLane(Self.engine) { lane in
      let first = try #require(try await create(lane)["id"]?.string)
      let second = try #require(try await create(lane, #","previous_response_id":"\#(first)""#)["id"]?.string)
      _ = try await create(lane, #","previous_response_id":"\#(second)""#)
      let sent = try JSONNode(parsing: try #require(lane.engine.requests.last?.body))
      #expect(
        sent["messages"]?.elements?.compactMap { $0["content"]?.string } == ["hi", "héllo", "hi", "héllo", "hi"])
    }
  }

  @Test func `What was not stored can't be gone on from`() async throws {
    try await withLane(Self.engine) { lane in
      let id = try #require(try await create(lane, #","store":false"#)["id"]?.string)
      let error = try await create(lane, #","previous_response_id":"\#(id)""#)["error"]
      #expect(error?["code"] == "previous_response_not_found")
      #expect(error?["param"] == "previous_response_id")
      #expect(lane.engine.requests.count == 1)
    }
  }

  @Test func `A stream ends after its response has been stored`() async throws {
    try await withLane({ _, channel in
      channel.send(
        Self.events + Self.chunk(#"{"choices":[{"delta":{"content":"hé"}}]}"#)
          + Self.chunk(#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#) + Self.chunk("[DONE]") + "0\r\n\r\n")
    }) { lane in
      let client = try await lane.post(request(#","stream":true"#), to: "/v1/responses")
      let answer = try await client.receive(through: "event: response.completed")
      let id = try #require(answer.firstMatch(of: /"id":"(resp_[a-z0-9]+)"/)?.1)
      #expect(try await call(lane, "GET", "/v1/responses/\(id)")["status"] == "completed")
    }
  }

  @Test func `A stream that breaks has failed, and is kept as that`() async throws {
    try await withLane({ _, channel in
      channel.send(
        Self.events + Self.chunk(#"{"choices":[{"delta":{"content":"x"}}]}"#)
          + Self.chunk(#"{"error":{"code":500,"message":"it broke"}}"#))
    }) { lane in
      let client = try await lane.post(request(#","stream":true"#), to: "/v1/responses")
      let answer = try await client.receive(through: "\r\n0\r\n\r\n")
      #expect(answer.contains("event: response.failed") && answer.contains("it broke"))
      let id = try #require(answer.firstMatch(of: /"id":"(resp_[a-z0-9]+)"/)?.1)
      #expect(try await call(lane, "GET", "/v1/responses/\(id)")["status"] == "failed")
    }
  }

  @Test(arguments: [true, false])
  func `A response that is being made can be looked at and cancelled`(isStream: Bool) async throws {
    try await withLane({ request, channel in
      guard isStream else { return }
      channel.send(Self.events + Self.chunk(#"{"choices":[{"delta":{"content":"x"}}]}"#))
      // Goes on until it is told to stop.
      channel.eventLoop.scheduleRepeatedTask(
        initialDelay: .milliseconds(5), delay: .milliseconds(5)
      ) { task in
        guard channel.isActive else { return task.cancel() }
        channel.send(Self.chunk(#"{"choices":[{"delta":{"content":"y"}}]}"#))
      }
    }) { lane in
      let client = try await lane.post(
        request(isStream ? #","stream":true"# : ""), to: "/v1/responses", headers: "Connection: close\r\n")
      try await eventually("it is being made") { lane.responses.ids.count == 1 && lane.engine.requests.count == 1 }
      let id = try #require(lane.responses.ids.first)
      #expect(try await call(lane, "GET", "/v1/responses/\(id)")["status"] == "in_progress")
      #expect(try await call(lane, "POST", "/v1/responses/\(id)/cancel")["status"] == "cancelled")
      let answer = try await client.receiveAll()
      #expect(answer.contains(#""status":"cancelled""#))
      try await eventually("the engine is told to stop") { lane.isIdle && lane.engine.openConnections == 0 }
      #expect(try await call(lane, "GET", "/v1/responses/\(id)")["status"] == "cancelled", "it is kept by then")
      #expect(lane.responses.ids.isEmpty)
    }
  }

  @Test func `Refusals have OpenAI's form`() async throws {
    try await withLane(Self.engine) { lane in
      for (body, code, param) in [
        (#"{"model":"ai/fake"}"#, "invalid_request", "input"), ("{", "invalid_json", nil),
        (#"{"model":"nope","input":"x"}"#, "model_not_found", nil),
        (#"{"model":"ai/fake","input":"x","background":true}"#, "invalid_request", "background"),
      ] as [(String, String, String?)] {
        let error = try await node(lane.post(body, to: "/v1/responses", headers: "Connection: close\r\n"))["error"]
        #expect(error?["code"]?.string == code)
        #expect(error?["param"]?.string == param)
      }
      #expect(try await call(lane, "GET", "/v1/responses/a/b")["error"]?["type"] == "not_found_error")
      #expect(try await call(lane, "PUT", "/v1/responses/a")["error"] != nil)
      #expect(try await call(lane, "GET", "/v1/responses/a?stream=true")["error"]?["param"] == "stream")
    }
  }

  @Test func `Pages of items are chosen as OpenAI's clients do`() async throws {
    let items = (0..<5).map { JSONNode.object([JSONMember("id", .string("i\($0)"))]) }
    func ids(_ query: String) throws -> [String] {
      let page = try ResponseItemPage { name in
        query.split(separator: "&").map { $0.split(separator: "=") }.first { $0[0] == name }.map { String($0[1]) }
      }.page(of: items)
      return page["data"]?.elements?.compactMap { $0["id"]?.string } ?? []
    }
    #expect(try ids("") == ["i4", "i3", "i2", "i1", "i0"])
    #expect(try ids("order=asc&limit=2") == ["i0", "i1"])
    #expect(try ids("order=asc&after=i1&before=i4") == ["i2", "i3"])
    #expect(try ids("after=i0") == [])
    for bad in ["limit=0", "limit=101", "limit=x", "order=up", "after=nope"] {
      #expect(throws: OpenAIError.self, "\(bad)") { try ids(bad) }
    }
  }
}
