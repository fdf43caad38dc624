// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelEngines
import PetrelTestSupport
import Testing

@testable import PetrelScheduling
@testable import PetrelServer

@Suite(.timeLimit(.minutes(10))) struct RequestAddressTests {
  @Test(
    arguments: [
      (#"{"model":"a"}"#, nil), (#"{"model":"a","keep_alive":null}"#, nil),
      (#"{"keep_alive":"5m","model":"a"}"#, "5m0s"), (#"{"model":"a","keep_alive":300}"#, "5m0s"),
      (#"{"model":"a","keep_alive":0}"#, "0s"), (#"{"model":"a","keep_alive":"0"}"#, "0s"),
      (#"{"model":"a","keep_alive":-1}"#, "-1"), (#"{"model":"a","keep_alive":"-1"}"#, "-1"),
      (#"{"model":"a","keep_alive":1.5}"#, "1.5s"),
    ] as [(String, String?)]) func `A request says how long its model stays in Ollama's forms`(
      body: String, keepAlive: String?
    ) throws
  {
    let address = try RequestAddress(reading: ByteBuffer(string: body))
    #expect(address.model == "a")
    #expect(address.keepAlive?.text == keepAlive)
  }

  @Test(arguments: ["true", "{}", "[]", #""soon""#, #""300""#])
  func `Anything else is refused`(value: String) async throws {
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }) { lane in
      let answer = try await lane.answer(#"{"model":"ai/fake","keep_alive":\#(value)}"#)
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
      #expect(answer.contains("\"param\":\"keep_alive\""))
      #expect(lane.engine.requests.isEmpty)
    }
  }

  @Test func `It holds from the request on, in both lanes`() async throws {
    try await withLane({ _, channel in channel.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }) { lane in
      func keepAlive() -> KeepAlive? { lane.board.rows().first?.keepAlive }
      // The name is not known yet: the slow lane.
      _ = try await lane.answer(#"{"model":"ai/fake","keep_alive":"10m"}"#)
      #expect(keepAlive() == .after(.seconds(600)))
      _ = try await lane.answer(#"{"model":"ai/fake","keep_alive":60}"#)
      #expect(keepAlive() == .after(.seconds(60)))
      _ = try await lane.answer()
      #expect(keepAlive() == .after(.seconds(60)))
    }
  }
}
