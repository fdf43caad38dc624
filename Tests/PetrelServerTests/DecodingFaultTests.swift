// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelAPI
import PetrelHTTP
import Testing

@testable import PetrelServer

@Suite struct DecodingFaultTests {
  private func message<Body: Decodable>(_ type: Body.Type, _ body: String) -> String? {
    #expect(throws: TextError.self) { try ModelRoutes.decode(ByteBuffer(string: body)) as Body }?.message
  }

  @Test(arguments: [
    ("{}", "invalid request body: from is missing"), (#"{"from":1}"#, "invalid request body: from has the wrong type"),
    (#"{"from":null}"#, "invalid request body: from must not be null"),
    ("{", "invalid request body: it is no valid JSON"),
    ("[]", "invalid request body: it must be a JSON object"),
    ("", "invalid request body: the body is missing; it must be a JSON object"),
  ]) func `The member that is wrong is named`(body: String, expected: String) {
    #expect(message(PullRequest.self, body) == expected)
  }

  @Test func `Engines' requests are told the same`() {
    let error = #expect(throws: TextError.self) {
      try RequestDecoding.decode(UnloadRequest.self, from: ByteBuffer())
    }
    #expect(error?.message == "invalid request: the body is missing; it must be a JSON object")
    let other = #expect(throws: TextError.self) {
      try RequestDecoding.decode(UnloadRequest.self, from: ByteBuffer(string: #"{"models":["a",2]}"#))
    }
    #expect(other?.message == "invalid request: models.1 has the wrong type")
  }
}
