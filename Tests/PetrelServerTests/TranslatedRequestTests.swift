// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore
import PetrelAPI
import PetrelTestSupport
import Testing

@testable import PetrelScheduling
@testable import PetrelServer

private let events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
private let end = "0\r\n\r\n"

private func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }
private func whole(_ text: String, _ status: String = "200 OK") -> String {
  "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
}
private func request(_ members: String) -> String { #"{"model":"\#(LaneFixture.model)",\#(members)}"# }

@Suite struct TranslatedRequestTests {
  @Test func `A request and its whole answer are translated`() async throws {
    try await withLane({ _, channel in channel.send(whole("héllo")) }) { lane in
      let client = try await lane.post(request(#""say":"x""#), to: "/shout", headers: "Connection: close\r\n")
      let answer = try await client.receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(answer.contains("\r\nContent-Type: text/loud\r\n"))
      #expect(answer.hasSuffix("\r\n\r\nHÉLLO"))
      let seen = try #require(lane.engine.requests.first)
      #expect(seen.head.hasPrefix("POST /v1/quiet HTTP/1.1\r\n"))
      #expect(seen.body == #"{"quiet":"x"}"#)
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `Large requests and answers are translated too`() async throws {
    let text = String(repeating: "größe ", count: 50_000)
    try await withLane({ request, channel in channel.send(whole(request.body)) }) { lane in
      let client = try await lane.post(request("\"say\":\"\(text)\""), to: "/shout", headers: "Connection: close\r\n")
      let answer = try await client.receiveAll()
      #expect(answer.hasSuffix("\r\n\r\n" + #"{"QUIET":"\#(text.uppercased())"}"#))
    }
  }

  @Test func `A stream is translated event by event, wherever it is cut`() async throws {
    let stream = "data: één\n\ndata: t\u{1F600}wo\r\n\r\n: note\n\ndata: [DONE]\n\n"
    try await withLane({ _, channel in
      // Each byte is a chunk of its own.
      let bytes = stream.utf8.reduce(into: ByteBuffer()) { buffer, byte in
        buffer.writeString("1\r\n")
        buffer.writeInteger(byte)
        buffer.writeString("\r\n")
      }
      channel.write(ByteBuffer(string: events), promise: nil)
      channel.write(bytes, promise: nil)
      channel.send(end)
    }) { lane in
      let client = try await lane.post(request(#""say":"x","stream":true"#), to: "/shout")
      let answer = try await client.receive(through: "0\r\n\r\n")
      #expect(answer.contains("\r\ncontent-type: text/loud\r\n") || answer.contains("\r\nContent-Type: text/loud\r\n"))
      #expect(answer.contains("ÉÉN!\n"))
      #expect(answer.contains("T\u{1F600}WO!\n"))
      #expect(answer.contains("END\n"))
      #expect(!answer.contains("DONE"))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `Each event goes out when it comes`() async throws {
    let channels = NIOLockedValueBox<[any Channel]>([])
    try await withLane({ _, channel in channels.withLockedValue { $0.append(channel) } }) { lane in
      let client = try await lane.post(request(#""say":"x","stream":true"#), to: "/shout")
      try await eventually("the request is there") { channels.withLockedValue { !$0.isEmpty } }
      let channel = try #require(channels.withLockedValue { $0.first })
      channel.send(events + chunk("data: one\n\n"))
      _ = try await client.receive(through: "ONE!\n")
      channel.send(chunk("data: two\n\n"))
      _ = try await client.receive(through: "TWO!\n")
      channel.send(end)
      _ = try await client.receive(through: "END\n")
    }
  }

  @Test func `What is refused before the answer has a status and the dialect's form`() async throws {
    try await withLane({ _, channel in
      channel.send(
        whole(
          #"{"error":{"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":8}}"#,
          "400 Bad Request"))
    }) { lane in
      func answer(_ body: String) async throws -> String {
        try await lane.post(body, to: "/shout", headers: "Connection: close\r\n").receiveAll()
      }
      let broken = try await answer("{")
      #expect(broken.hasPrefix("HTTP/1.1 400 ") && broken.contains("\r\n\r\nNO! "))
      let unknown = try await answer(#"{"model":"other","say":"x"}"#)
      #expect(unknown.hasPrefix("HTTP/1.1 404 ") && unknown.hasSuffix("\r\n\r\nNO! no other"))
      #expect(lane.engine.requests.isEmpty)
      let refused = try await answer(request(#""say":"x","stream":true"#))
      #expect(refused.hasPrefix("HTTP/1.1 400 ") && refused.hasSuffix("\r\n\r\nNO! too long"))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `An error in mid-stream ends the stream in the dialect's words and stops the engine`() async throws {
    try await withLane({ _, channel in channel.send(events + chunk("data: one\n\ndata: bad\n\ndata: two\n\n")) }) {
      lane in
      let client = try await lane.post(request(#""say":"x","stream":true"#), to: "/shout")
      let answer = try await client.receive(through: "\r\n0\r\n\r\n")
      #expect(answer.contains("ONE!\n"))
      #expect(answer.contains("NO! bad event\n"))
      #expect(!answer.contains("TWO"))
      try await eventually("the engine's connection is closed") { lane.engine.openConnections == 0 }
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test(arguments: [true, false]) func `An engine that is lost is explained`(midway: Bool) async throws {
    try await withLane({ _, channel in channel.sendAndClose(midway ? events + chunk("data: one\n\n") : "") }) { lane in
      let client = try await lane.post(
        request(#""say":"x","stream":true"#), to: "/shout", headers: "Connection: close\r\n")
      let answer = try await client.receiveAll()
      #expect(answer.hasPrefix(midway ? "HTTP/1.1 200 " : "HTTP/1.1 500 "))
      #expect(answer.contains("NO! the engine was unloaded"))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A client that leaves stops the engine`() async throws {
    try await withLane({ _, channel in channel.send(events + chunk("data: one\n\n")) }) { lane in
      let client = try await lane.post(request(#""say":"x","stream":true"#), to: "/shout")
      _ = try await client.receive(through: "ONE!\n")
      await client.close()
      try await eventually("the engine's connection is closed") { lane.engine.openConnections == 0 }
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A silent stream is kept alive, and an error after that is part of it`() async throws {
    let channels = NIOLockedValueBox<[any Channel]>([])
    try await withLane(
      { _, channel in channels.withLockedValue { $0.append(channel) } }, keepAliveEvery: .milliseconds(1)
    ) { lane in
      let client = try await lane.post(request(#""say":"x","stream":true"#), to: "/shout")
      let beginning = try await client.receive(through: "~\r\n")
      #expect(beginning.hasPrefix("HTTP/1.1 200 OK\r\n"))
      try await eventually("the request is there") { channels.withLockedValue { !$0.isEmpty } }
      let channel = try #require(channels.withLockedValue { $0.first })
      channel.send(whole(#"{"error":{"message":"too long"}}"#, "400 Bad Request"))
      _ = try await client.receive(through: "NO! too long\n")
      _ = try await client.receive(through: "0\r\n\r\n")
    }
  }

  @Test func `A request without work loads the model and takes no place`() async throws {
    try await withLane({ _, channel in channel.send(whole("{}")) }) { lane in
      let client = try await lane.post(
        request(#""stream":true"#), to: "/shout", headers: "Connection: close\r\n")
      let answer = try await client.receiveAll()
      #expect(answer.hasSuffix("\r\n\r\nLOADED"))
      #expect(lane.engine.requests.isEmpty)
      #expect(lane.isIdle)
    }
  }

  @Test func `Translated requests are recorded with what the engine got`() async throws {
    try await withLane({ _, channel in channel.send(whole(#"{"a":1}"#)) }) { lane in
      let client = try await lane.post(request(#""say":"x""#), to: "/shout", headers: "Connection: close\r\n")
      _ = try await client.receiveAll()
      try await eventually("the request is recorded") { await !lane.records().isEmpty }
      let record = try #require(await lane.records().first)
      #expect(record.url == "/shout")
      #expect(record.request == #"{"quiet":"x"}"#)
      #expect(record.response == #"{"a":1}"#)
      #expect(record.statusCode == 200)
    }
  }
}
