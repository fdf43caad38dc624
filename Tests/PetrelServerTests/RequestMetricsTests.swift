// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelTestSupport
import Testing

@testable import PetrelScheduling
@testable import PetrelServer

@Suite(.timeLimit(.minutes(10))) struct RequestMetricsTests {
  /// The first series that counts this status.
  private func counted(_ lane: LaneFixture, _ status: Int) async throws -> LoopMetrics.Series {
    try await eventually("a request with status \(status) is counted") {
      await lane.pools.metrics().flatMap(\.series).contains { $0.status == status }
    }
    return try #require(await lane.pools.metrics().flatMap(\.series).first { $0.status == status })
  }

  private static let answer = #"{"choices":[],"usage":{"completion_tokens":7,"prompt_tokens":13,"total_tokens":20}}"#

  @Test func `A request counts with its path, its status and its tokens`() async throws {
    let okay = "HTTP/1.1 200 OK\r\nContent-Length: \(Self.answer.utf8.count)\r\n\r\n\(Self.answer)"
    try await withLane({ _, channel in channel.send(okay) }) { lane in
      _ = try await lane.answer()
      let series = try await counted(lane, 200)
      #expect(series.path == "/v1/chat/completions")
      #expect(series.requests.count == 1)
      #expect(series.requests.sum > 0)
      #expect(series.input.sum == 13)
      #expect(series.output.sum == 7)
      #expect(series.firstToken.count == 0)
    }
  }

  @Test func `A stream tells how long its first token took, and the others`() async throws {
    let events = "data: {\"choices\":[]}\n\ndata: {\"timings\":{\"cache_n\":2,\"prompt_n\":3,\"predicted_n\":5}}\n\n"
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: \(events.utf8.count)\r\n\r\n"
    try await withLane({ _, channel in channel.send(head + events) }) { lane in
      _ = try await lane.answer(#"{"model":"ai/fake","stream":true}"#)
      let series = try await counted(lane, 200)
      #expect(series.firstToken.count == 1)
      #expect(series.firstToken.sum <= series.requests.sum)
      #expect(series.outputToken.count == 1)
      #expect(series.input.sum == 5)
      #expect(series.output.sum == 5)
    }
  }

  @Test func `An engine's refusal counts, without tokens`() async throws {
    let refusal = "HTTP/1.1 400 Bad\r\nContent-Length: \(Self.answer.utf8.count)\r\n\r\n\(Self.answer)"
    try await withLane({ _, channel in channel.send(refusal) }) { lane in
      _ = try await lane.answer()
      #expect(try await counted(lane, 400).input.count == 0)
    }
  }

  @Test func `A client that leaves counts as such`() async throws {
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") }) { lane in
      let client = try await lane.post()
      _ = try await client.receive(through: "half")
      await client.close()
      #expect(try await counted(lane, RequestMeter.clientLeft).requests.count == 1)
    }
  }

  @Test func `Requests that reach no engine count as refused`() async throws {
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }) { lane in
      _ = try await lane.answer("no JSON")
      _ = try await lane.answer(#"{"model":"ai/unknown"}"#)
      let refusals = await lane.pools.metrics().flatMap(\.refusals)
      #expect(
        Set(refusals.map(\.key)) == [
          LoopMetrics.Refusal(path: "/v1/chat/completions", status: 400),
          LoopMetrics.Refusal(path: "/v1/chat/completions", status: 404),
        ])
      #expect(await lane.pools.metrics().flatMap(\.series).isEmpty)
    }
  }
}
