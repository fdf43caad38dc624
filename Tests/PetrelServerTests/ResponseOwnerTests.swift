// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import PetrelWire
import Testing

@testable import PetrelServer

/// Responses belong to the key that made them.
@Suite struct ResponseOwnerTests {
  private static let engine: FakeEngine.Script = { _, channel in
    let text = #"{"choices":[{"finish_reason":"stop","message":{"content":"hi"}}],"usage":{"prompt_tokens":1}}"#
    channel.send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
  }

  private func send(
    _ lane: LaneFixture, _ method: String, _ path: String, key: String?, _ body: String = ""
  ) async throws -> (status: String, body: String) {
    let client = try await RawClient.connect(port: lane.port)
    let headers = (key.map { "x-key: \($0)\r\n" } ?? "") + "Connection: close\r\n"
    try await client.send(
      "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    let answer = try await client.receiveAll()
    let end = try #require(answer.firstRange(of: "\r\n\r\n"))
    return (String(answer.dropFirst(9).prefix(3)), String(answer[end.upperBound...]))
  }

  private func make(_ lane: LaneFixture, key: String?, after previous: String? = nil) async throws -> (String, String) {
    let more = previous.map { #","previous_response_id":"\#($0)""# } ?? ""
    let made = try await send(
      lane, "POST", "/v1/responses", key: key, #"{"model":"\#(LaneFixture.model)","input":"x"\#(more)}"#)
    let id = try JSONNode(parsing: made.body)["id"]?.string ?? ""
    return (made.status, id)
  }

  @Test func `Another key finds nothing, and whoever needs none finds all`() async throws {
    try await withLane(Self.engine) { lane in
      let (_, id) = try await make(lane, key: "one")
      for path in ["/v1/responses/\(id)", "/v1/responses/\(id)/input_items"] {
        #expect(try await send(lane, "GET", path, key: "two").status == "404")
        #expect(try await send(lane, "GET", path, key: "one").status == "200")
        #expect(try await send(lane, "GET", path, key: nil).status == "200")
      }
      #expect(try await make(lane, key: "two", after: id).0 == "400")
      #expect(try await make(lane, key: "one", after: id).0 == "200")
      #expect(try await send(lane, "POST", "/v1/responses/\(id)/cancel", key: "two").status == "404")
      #expect(try await send(lane, "DELETE", "/v1/responses/\(id)", key: "two").status == "404")
      #expect(try await send(lane, "DELETE", "/v1/responses/\(id)", key: "one").status == "200")
    }
  }

  @Test func `What was made without a key is everybody's`() async throws {
    try await withLane(Self.engine) { lane in
      let (_, id) = try await make(lane, key: nil)
      #expect(try await send(lane, "GET", "/v1/responses/\(id)", key: "one").status == "200")
      // What goes on from there is the key's own.
      let (status, next) = try await make(lane, key: "one", after: id)
      #expect(status == "200")
      #expect(try await make(lane, key: "two", after: next).0 == "400")
    }
  }
}
