// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore
import PetrelTestSupport
import Testing

@testable import PetrelScheduling
@testable import PetrelServer

private let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
private let events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

private func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

@Suite struct ForwardingTests {
  @Test func `Request and response pass unchanged`() async throws {
    let answerBody = #"{"object":"chat.completion",  "x":1.0, "x":18446744073709551616,"t":"\u00e9✓"}"#
    let length = answerBody.utf8.count
    try await withLane({ _, channel in
      channel.send(
        json + "Server: fake\r\nX-Own: kept\r\nKeep-Alive: timeout=5\r\nContent-Length: \(length)\r\n\r\n" + answerBody)
    }) { lane in
      let body = #"{ "model" : "ai\/fake", "messages":[{"role":"user","content":"h\u00e9 ✓"}], "n": 1.0 }"#
      let answer = try await lane.answer(body, headers: "Authorization: Bearer secret\r\nAccept: application/json\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(answer.contains("\r\nX-Own: kept\r\n"))
      #expect(answer.contains("\r\nContent-Type: application/json\r\n"))
      #expect(!answer.contains("Server: fake") && !answer.lowercased().contains("keep-alive"))
      #expect(answer.hasSuffix("\r\n\r\n" + answerBody))

      let request = try #require(lane.engine.requests.first)
      #expect(request.body == body)
      #expect(request.head.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\n"))
      #expect(request.head.contains("\r\nAccept: application/json"))
      #expect(!request.head.contains("secret"))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test(arguments: [
    ("/engines/v1/completions", "/v1/completions"),
    ("/engines/llama.cpp/v1/embeddings", "/v1/embeddings"),
    ("/exp/vDD4.40/engines/v1/chat/completions", "/v1/chat/completions"),
  ]) func `Every path reaches the engine's own`(path: String, enginePath: String) async throws {
    try await withLane({ _, channel in channel.send(json + "Content-Length: 2\r\n\r\n{}") }) { lane in
      let client = try await lane.post(to: path)
      _ = try await client.receive(through: "{}")
      #expect(lane.engine.requests.first?.head.hasPrefix("POST \(enginePath) ") == true)
    }
  }

  @Test func `Events come one by one, and the connection lives on`() async throws {
    let channels = NIOLockedValueBox<[any Channel]>([])
    try await withLane({ _, channel in channels.withLockedValue { $0.append(channel) } }) { lane in
      let client = try await lane.post()
      for round in 1...2 {
        try await eventually("the request is there") { channels.withLockedValue { $0.count } == round }
        let channel = try #require(channels.withLockedValue { $0.last })
        channel.send(events + chunk("data: 1\n\n"))
        let first = try await client.receive(through: "data: 1\n\n")
        #expect(first.contains("\r\nContent-Type: text/event-stream\r\n"))
        #expect(first.lowercased().contains("transfer-encoding: chunked"))
        channel.send(chunk("data: 2\n\n"))
        _ = try await client.receive(through: "data: 2\n\n")
        #expect(!lane.isIdle)
        channel.send(chunk("data: [DONE]\n\n") + "0\r\n\r\n")
        _ = try await client.receive(through: "data: [DONE]\n\n\r\n0\r\n\r\n")
        try await eventually("the place is given back") { lane.isIdle }
        if round == 1 { try await client.send(LaneFixture.request(#"{"model":"ai/fake"}"#)) }
      }
      #expect(lane.engine.connections == 1)
    }
  }

  @Test func `A kept connection that the engine has closed is replaced`() async throws {
    // Each connection answers once, promises to live, and closes at the next request.
    let served = NIOLockedValueBox<Set<Int>>([])
    try await withLane({ request, channel in
      if served.withLockedValue({ $0.insert(request.connection).inserted }) {
        channel.send(json + "Content-Length: 2\r\n\r\n{}")
      } else {
        channel.close(promise: nil)
      }
    }) { lane in
      let client = try await lane.post()
      _ = try await client.receive(through: "{}")
      try await client.send(LaneFixture.request(#"{"model":"ai/fake","second":true}"#))
      let second = try await client.receive(through: "{}")
      #expect(second.contains("200 OK"))
      #expect(lane.engine.requests.map(\.connection) == [1, 1, 2])
      #expect(lane.engine.requests.last?.body == #"{"model":"ai/fake","second":true}"#)
    }
  }

  @Test func `An engine that closes without an answer is an error in OpenAI's form`() async throws {
    try await withLane({ _, channel in channel.close(promise: nil) }) { lane in
      let client = try await lane.post()
      let answer = try await client.receive(through: "}}\n")
      #expect(answer.hasPrefix("HTTP/1.1 500 "))
      #expect(answer.contains(#""type":"server_error""#))
      #expect(answer.contains(#""code":"engine_terminated""#))
      #expect(lane.engine.connections == 1)
      try await eventually("the place is given back") { lane.isIdle }
      #expect(!client.isClosed)
    }
  }

  @Test func `An engine that can't be reached is an error in OpenAI's form`() async throws {
    try await withLane({ _, _ in }) { lane in
      await lane.engine.stop()
      let answer = try await lane.answer()
      #expect(answer.hasPrefix("HTTP/1.1 500 "))
      #expect(answer.contains(#""code":"engine_terminated""#))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A stream that the engine cuts ends with an error event and no proper end`() async throws {
    try await withLane({ _, channel in channel.sendAndClose(events + chunk("data: 1\n\n")) }) { lane in
      let answer = try await lane.post().receiveAll()
      #expect(answer.contains("data: 1\n\n"))
      #expect(answer.contains(#"data: {"error":{"message":""#))
      #expect(!answer.hasSuffix("0\r\n\r\n"))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A body that the engine cuts is seen to be cut`() async throws {
    try await withLane({ _, channel in channel.sendAndClose(json + "Content-Length: 10\r\n\r\nhalf") }) { lane in
      let answer = try await lane.post().receiveAll()
      #expect(answer.hasSuffix("\r\n\r\nhalf"))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `An engine that talks nonsense is an error`() async throws {
    try await withLane({ _, channel in channel.send("SSH-2.0-OpenSSH\r\n\r\n") }) { lane in
      let answer = try await lane.answer()
      #expect(answer.hasPrefix("HTTP/1.1 500 "))
      try await eventually("the engine's connection is closed") { lane.engine.openConnections == 0 }
    }
  }

  @Test func `An engine's refusal keeps its status and gets OpenAI's form`() async throws {
    let error = #"{"error":{"code":400,"message":"bad grammar","type":"invalid_request_error"}}"#
    try await withLane({ _, channel in
      channel.send("HTTP/1.1 400 Bad Request\r\nContent-Length: \(error.utf8.count)\r\n\r\n\(error)")
    }) { lane in
      let answer = try await lane.answer()
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      #expect(answer.contains(#""message":"bad grammar""#))
      #expect(answer.contains(#""param":null"#))
    }
  }

  @Test func `A client that leaves while the engine works closes the engine's connection`() async throws {
    try await withLane({ _, channel in channel.send(events + chunk("data: 1\n\n")) }) { lane in
      let client = try await lane.post()
      _ = try await client.receive(through: "data: 1\n\n")
      #expect(!lane.isIdle)
      await client.close()
      try await eventually("the engine has heard of it") { lane.engine.openConnections == 0 }
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A client that leaves before the engine's first byte closes the engine's connection`() async throws {
    try await withLane({ _, _ in }) { lane in
      let client = try await lane.post()
      try await eventually("the engine has the request") { lane.engine.requests.count == 1 }
      await client.close()
      try await eventually("the engine has heard of it") { lane.engine.openConnections == 0 && lane.isIdle }
    }
  }
}
