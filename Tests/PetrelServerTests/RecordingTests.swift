// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelEngines
import PetrelOCI
import PetrelRecords
import PetrelTestSupport
import Testing

@testable import PetrelScheduling
@testable import PetrelServer

@Suite(.timeLimit(.minutes(10))) struct RecordingTests {
  private func recorded(_ lane: LaneFixture, count: Int = 1, latest: Int = 10) async throws -> [RequestRecord] {
    try await eventually("\(count) are recorded") { await lane.records(latest: latest).count >= count }
    return await lane.records(latest: latest)
  }

  @Test func `A request is recorded with its answer`() async throws {
    let okay = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"answer\":1}"
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      _ = try await lane.answer(#"{"model":"ai/fake","n":1}"#, headers: "User-Agent: test/1\r\nX-Request-Origin: o\r\n")
      let record = try #require(try await recorded(lane).first)
      #expect(record.model == "ai/fake")
      #expect(record.method == "POST")
      #expect(record.url == "/v1/chat/completions")
      #expect(record.request == #"{"model":"ai/fake","n":1}"#)
      #expect(record.response == #"{"answer":1}"#)
      #expect(record.error == nil)
      #expect(record.statusCode == 200)
      #expect(record.userAgent == "test/1")
      #expect(record.origin == "o")
      #expect(record.id.hasPrefix("sha256:"))
    }
  }

  @Test func `The latest of a model come in the order in which they were answered`() async throws {
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }) { lane in
      for number in 1...12 {
        _ = try await lane.answer(#"{"model":"ai/fake","n":\#(number)}"#)
        try await eventually("request \(number) is recorded") {
          try await recorded(lane).last?.request.hasSuffix(":\(number)}") == true
        }
      }
      func numbers(_ records: [RequestRecord]) -> [Int] {
        records.compactMap { record in record.request.firstMatch(of: /"n":(\d+)/).flatMap { Int($0.1) } }
      }
      #expect(numbers(try await recorded(lane, count: 10)) == Array(3...12))
      #expect(numbers(try await recorded(lane, count: 12, latest: 100)) == Array(1...12))
    }
  }

  @Test func `A stream is put together`() async throws {
    let stream = """
      data: {"id":"c1","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}

      data: {"choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}]}

      data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}

      data: {"choices":[{"index":0,"delta":{"content":"lo"}},{"index":1,"delta":{"content":"Hi"}}]}

      data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{\\"a\\""}}]}}]}

      data: {"choices":[{"index":0,"finish_reason":"stop","delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}],"usage":{"total_tokens":3}}

      data: [DONE]


      """
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: \(stream.utf8.count)\r\n\r\n"
    try await withLane({ _, channel in channel.send(head + stream) }) { lane in
      _ = try await lane.answer()
      let record = try #require(try await recorded(lane).first)
      let call = #"{"id":"t","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}"#
      #expect(
        record.response == """
          {"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":\
          {"role":"assistant","content":"Hello","reasoning_content":"Hm","tool_calls":[\(call)]},\
          "finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"Hi"},"finish_reason":null}],\
          "usage":{"total_tokens":3}}
          """)
    }
  }

  @Test(arguments: [
    (#"{"error":{"message":"no"}}"#, #"{"error":{"message":"no"}}"#), ("plain text", #"{"error":"plain text"}"#),
    ("", #"{"error":"unknown error"}"#),
  ]) func `A refusal is recorded as an error`(body: String, error: String) async throws {
    let answer = "HTTP/1.1 400 Bad\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    try await withLane({ _, channel in channel.send(answer) }) { lane in
      _ = try await lane.answer()
      let record = try #require(try await recorded(lane).first)
      #expect(record.statusCode == 400)
      #expect(record.response == nil)
      #expect(record.error == error)
    }
  }

  @Test func `A client that leaves is recorded as such`() async throws {
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") }) { lane in
      let client = try await lane.post()
      _ = try await client.receive(through: "half")
      await client.close()
      #expect(try await recorded(lane).first?.statusCode == 408)
    }
  }

  @Test func `Media in messages are cut short, and the rest is kept`() {
    let data = String(repeating: "A", count: 150)
    let body = """
      {"model":"m","messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,\(data)"}},\
      {"type":"input_audio","input_audio":{"data":"\(data)"}},{"type":"text","text":"\(data)"}]}]}
      """
    let cut = String(repeating: "A", count: 100) + "...[truncated 50 chars]"
    #expect(
      RecordedBody.request(ByteBuffer(string: body), isCut: false) == """
        {"messages":[{"content":[{"image_url":{"url":"data:image/png;base64,\(cut)"},"type":"image_url"},\
        {"input_audio":{"data":"\(cut)"},"type":"input_audio"},{"text":"\(data)","type":"text"}]}],"model":"m"}
        """)
  }

  @Test func `Bodies of any size are bounded`() async throws {
    let big = String(repeating: "x", count: 3_000_000)
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n\(big)") }) {
      lane in
      _ = try await lane.answer(#"{"model":"ai/fake","x":"\#(big)"}"#)
      let record = try #require(try await recorded(lane).first)
      #expect(record.request.utf8.count < 70_000 && record.request.hasSuffix("...[truncated]"))
      #expect(try #require(record.response).utf8.count < 70_000 && record.response?.hasSuffix("...[truncated]") == true)
    }
  }

  @Test func `When the recorder is behind, requests pass unrecorded`() {
    let intake = RecordIntake()
    let key = RunnerKey(model: Digest(of: []), mode: .completion)
    let request = CapturedRequest(key: key, model: "m", url: "/", time: 0, request: ByteBuffer())
    for _ in 0..<1000 { intake.put(request) }
    #expect(!intake.hasRoom)
    #expect(intake.takeAll().count == 64)
    #expect(intake.hasRoom)
  }

  @Test func `What is recorded in the long run is bounded, however fast it is taken`() {
    let intake = RecordIntake()
    let key = RunnerKey(model: Digest(of: []), mode: .completion)
    let request = CapturedRequest(key: key, model: "m", url: "/", time: 0, request: ByteBuffer())
    var taken = 0
    // On a machine so slow that these take seconds, more pass; none passes unbounded.
    while intake.hasRoom, taken < 100_000 {
      intake.put(request)
      taken += intake.takeAll().count
    }
    #expect(!intake.hasRoom || taken == 100_000)
    #expect(taken >= 200)
  }

  @Test func `Secrets in requests and answers are not recorded`() async throws {
    let okay = "HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{\"said\":\"sk-0123456789abcdefgh\"}"
    let policy = RecordingPolicy(redaction: Redaction(rules: ["pin", "sk-*"]))
    try await withLane(recording: policy, { _, channel in channel.send(okay) }) { lane in
      let headers = "Authorization: Bearer geheim\r\nX-Api-Key: geheim\r\n"
      _ = try await lane.answer(#"{"model":"ai/fake","PIN":"geheim","n":1}"#, headers: headers)
      let record = try #require(try await recorded(lane).first)
      #expect(record.request == #"{"model":"ai/fake","PIN":"[redacted]","n":1}"#)
      #expect(record.response == #"{"said":"[redacted]"}"#)
      #expect(!"\(record)".contains("geheim"))
    }
  }

  @Test func `Without bodies the outcome is recorded all the same`() async throws {
    let okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    try await withLane(recording: RecordingPolicy(scope: .withoutBodies), { _, channel in channel.send(okay) }) {
      lane in
      _ = try await lane.answer(headers: "User-Agent: test/1\r\n")
      let record = try #require(try await recorded(lane).first)
      #expect(record.request == "" && record.response == nil && record.error == nil)
      #expect(record.statusCode == 200 && record.userAgent == "test/1" && record.model == "ai/fake")
    }
  }

  @Test func `Nothing is recorded when that is switched off`() async throws {
    let okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    try await withLane(recording: RecordingPolicy(scope: .off), { _, channel in channel.send(okay) }) { lane in
      let answer = try await lane.answer()
      #expect(answer.hasSuffix("{}"))
      // What would have been recorded would be there by now: the answer is complete, and reading records what waits.
      #expect(await lane.recorder.models().isEmpty)
    }
  }

  @Test func `Listeners hear of each request, until the recorder closes`() async throws {
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }) { lane in
      var events = await lane.recorder.events().makeAsyncIterator()
      _ = try await lane.answer()
      #expect(await events.next()?.record.statusCode == 200)
      await lane.recorder.close()
      #expect(await events.next() == nil)
    }
  }
}
