// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore
import PetrelEngines
import PetrelTestSupport
import Testing

@testable import PetrelScheduling
@testable import PetrelServer

private let okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

@Suite struct InferenceLaneTests {
  @Test(arguments: [
    ("", "400", "invalid_json"),
    ("{", "400", "invalid_json"),
    ("[]", "400", "invalid_json"),
    (#"{"model":"ai/fake"} trailing"#, "400", "invalid_json"),
    ("{}", "400", "missing_model"),
    (#"{"model":""}"#, "400", "missing_model"),
    (#"{"model":null}"#, "400", "missing_model"),
    (#"{"model":7}"#, "400", "invalid_model"),
    (#"{"model":"ai/other"}"#, "404", "model_not_found"),
  ]) func `Requests that name no model are refused`(body: String, status: String, code: String) async throws {
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      let answer = try await lane.answer(body)
      #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
      #expect(answer.contains("\"code\":\"\(code)\""))
      #expect(lane.engine.requests.isEmpty)
    }
  }

  @Test func `A body over the limit is refused before it comes`() async throws {
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      let client = try await RawClient.connect(port: lane.port)
      try await client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: \(InferenceLane.bodyLimit + 1)\r\n\r\n")
      let answer = try await client.receive(through: "}}\n")
      #expect(answer.hasPrefix("HTTP/1.1 413 "))
    }
  }

  @Test func `A large body passes whole`() async throws {
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      let body = #"{"model":"ai/fake","x":"\#(String(repeating: "y", count: 3_000_000))"}"#
      let answer = try await lane.answer(body)
      #expect(answer.hasPrefix("HTTP/1.1 200 "))
      #expect(lane.engine.requests.first?.body == body)
    }
  }

  @Test func `Preloading takes no place and asks the engine nothing`() async throws {
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      let answer = try await lane.answer(headers: "X-Preload-Only: true\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 200 "))
      #expect(lane.engine.requests.isEmpty)
      #expect(lane.isIdle)
    }
  }

  @Test func `Pipelined requests are answered in order over one engine connection`() async throws {
    try await withLane({ request, channel in
      let body = "[\(request.body.filter(\.isNumber))]"
      channel.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }) { lane in
      let requests = (1...20).map { LaneFixture.request(#"{"model":"ai/fake","n":\#($0)}"#) }.joined()
      let client = try await RawClient.connect(port: lane.port)
      try await client.send(requests)
      let answers = try await client.receive(through: "[20]")
      #expect(answers.matches(of: /\[(\d+)\]/).compactMap { Int($0.1) } == Array(1...20))
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `Many clients at once are all answered`() async throws {
    try await withLane({ request, channel in
      let body = "[\(request.body.filter(\.isNumber))]"
      channel.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }) { lane in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 1...100 {
          group.addTask {
            let answer = try await lane.answer(#"{"model":"ai/fake","n":\#(number)}"#)
            #expect(answer.hasSuffix("[\(number)]"))
          }
        }
        try await group.waitForAll()
      }
      try await eventually("every place is given back") { lane.isIdle }
    }
  }

  @Test func `A slow client makes the engine wait`() async throws {
    let size = 256 * 1024
    let count = 256
    let written = Tally()
    let text = String(repeating: "x", count: size)
    try await withLane({ _, channel in
      @Sendable func next(_ number: Int) {
        if number == count { return }
        channel.writeAndFlush(ByteBuffer(string: text)).whenSuccess {
          written.add()
          next(number + 1)
        }
      }
      channel.send("HTTP/1.1 200 OK\r\nContent-Length: \(size * count)\r\n\r\n")
      next(0)
    }) { lane in
      let client = try await RawClient.connect(port: lane.port)
      try await client.setReading(false)
      try await client.send(LaneFixture.request(#"{"model":"ai/fake"}"#))
      let stalledAt = try await settled("the engine") { written.value }
      #expect(stalledAt < count / 2)
      try await client.setReading(true)
      try await eventually("everything has come") { client.receivedCount > size * count }
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `A request waits for a place, and one that gives up leaves the queue`() async throws {
    let channels = NIOLockedValueBox<[any Channel]>([])
    try await withLane({ _, channel in channels.withLockedValue { $0.append(channel) } }) { lane in
      let full = RunnerBoard.placesPerRunner
      var clients: [RawClient] = []
      for _ in 0..<full { clients.append(try await lane.post()) }
      try await eventually("every place is taken") { lane.engine.requests.count == full }
      let leaving = try await lane.post()
      try await eventually("one waits") { lane.waiting == 1 }
      let patient = try await lane.post()
      try await eventually("two wait") { lane.waiting == 2 }
      await leaving.close()
      try await eventually("one has left the queue") { lane.waiting == 1 }
      channels.withLockedValue { $0.first }?.send(okay)
      try await eventually("the patient one gets the place") { channels.withLockedValue(\.count) == full + 1 }
      channels.withLockedValue { $0.last }?.send(okay)
      _ = try await patient.receive(through: "{}")
      // Which client the engine's first channel belongs to is not known, so all leave.
      for client in clients { await client.close() }
      try await eventually("every place is given back") { lane.isIdle }
    }
  }

  @Test func `A runner that ends tells those who wait for a place`() async throws {
    try await withLane({ _, _ in }) { lane in
      var clients: [RawClient] = []
      for _ in 0..<RunnerBoard.placesPerRunner { clients.append(try await lane.post()) }
      try await eventually("every place is taken") { lane.engine.requests.count == RunnerBoard.placesPerRunner }
      let waiting = try await lane.post()
      try await eventually("it waits") { lane.waiting == 1 }
      lane.board.takeDownEnded(LaneFixture.runner)
      let answer = try await waiting.receive(through: "}}\n")
      #expect(answer.hasPrefix("HTTP/1.1 503 "))
      #expect(answer.contains(#""code":"engine_terminated""#))
      for client in clients { await client.close() }
    }
  }

  /// Takes every place at the runner.
  private func fill(_ lane: LaneFixture) -> [RunnerLease] {
    (0..<RunnerBoard.placesPerRunner).compactMap { _ in
      lane.board.take(name: LaneFixture.model, mode: .completion)
    }
  }

  @Test func `A request that had to wait is told where it stood`() async throws {
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      // The board learns the name.
      let learning = try await lane.answer()
      #expect(!learning.contains("X-Petrel-Queue-Position"))
      var leases = fill(lane)
      #expect(leases.count == RunnerBoard.placesPerRunner)
      let first = try await lane.post()
      try await eventually("one waits") { lane.waiting == 1 }
      let second = try await lane.post()
      try await eventually("two wait") { lane.waiting == 2 }
      leases.removeAll()
      let answer1 = try await first.receive(through: "{}")
      #expect(answer1.contains("X-Petrel-Queue-Position: 1\r\n"))
      let answer = try await second.receive(through: "{}")
      #expect(answer.contains("X-Petrel-Queue-Position: 2\r\n"))
      #expect(answer.contains("X-Petrel-Queue-State: queued\r\n"))
      #expect(answer.contains("X-Petrel-Estimated-Wait: "))
    }
  }

  @Test func `A stream that waits is kept alive by comments, and goes on with the engine's events`() async throws {
    let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 14\r\n\r\ndata: [DONE]\n\n"
    let pace = WaitingAnswer.Pace(patience: .milliseconds(1), interval: .milliseconds(5))
    try await withLane({ _, channel in channel.send(stream) }, waitingPace: pace) { lane in
      _ = try await lane.post().receive(through: "[DONE]")
      var leases = fill(lane)
      let client = try await lane.post(#"{"model":"ai/fake","stream":true}"#)
      let begin = try await client.receive(through: ": queued")
      #expect(begin.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(begin.contains("text/event-stream"))
      leases.removeAll()
      _ = try await client.receive(through: "data: [DONE]\n\n")
      try await eventually("the place is given back") { lane.isIdle }
    }
  }

  @Test func `What fails after a stream was begun is its last event`() async throws {
    let pace = WaitingAnswer.Pace(patience: .milliseconds(1), interval: .milliseconds(5))
    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}"
    try await withLane({ _, channel in channel.send(refusal) }, waitingPace: pace) { lane in
      _ = try await lane.post().receive(through: "}}\n")
      var leases = fill(lane)
      let refused = try await lane.post(#"{"model":"ai/fake","stream":true}"#)
      _ = try await refused.receive(through: ": queued")
      leases.removeAll()
      _ = try await refused.receive(through: #"data: {"error":{"#)
      _ = try await refused.receive(through: "}}\n\n")
      leases = fill(lane)
      let ended = try await lane.post(#"{"model":"ai/fake","stream":true}"#)
      _ = try await ended.receive(through: ": queued")
      lane.board.takeDownEnded(LaneFixture.runner)
      _ = try await ended.receive(through: "engine_terminated")
      leases.removeAll()
    }
  }

  @Test func `A client of a stream leaves while it waits`() async throws {
    let pace = WaitingAnswer.Pace(patience: .milliseconds(1), interval: .milliseconds(5))
    try await withLane({ _, channel in channel.send(okay) }, waitingPace: pace) { lane in
      _ = try await lane.answer()
      let leases = fill(lane)
      let client = try await lane.post(#"{"model":"ai/fake","stream":true}"#)
      _ = try await client.receive(through: ": queued")
      await client.close()
      try await eventually("nobody waits") { lane.waiting == 0 }
      #expect(leases.count == RunnerBoard.placesPerRunner)
    }
  }

  @Test func `A priority in the header counts, and one that is none is refused`() async throws {
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      _ = try await lane.answer()
      var leases = fill(lane)
      let answer = try await lane.answer(headers: "X-Petrel-Priority: soon\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      let batch = try await lane.post(headers: "X-Petrel-Priority: batch\r\n")
      try await eventually("one waits") { lane.waiting == 1 }
      let flexible = try await lane.post(#"{"model":"ai/fake","service_tier":"flex"}"#)
      try await eventually("two wait") { lane.waiting == 2 }
      let interactive = try await lane.post()
      try await eventually("three wait") { lane.waiting == 3 }
      leases.removeAll()
      let answer2 = try await interactive.receive(through: "{}")
      #expect(answer2.contains("X-Petrel-Queue-Position: 1\r\n"))
      let answer3 = try await flexible.receive(through: "{}")
      #expect(answer3.contains("X-Petrel-Queue-Position: 2\r\n"))
      let answer4 = try await batch.receive(through: "{}")
      #expect(answer4.contains("X-Petrel-Queue-Position: 1\r\n"))
    }
  }
}
