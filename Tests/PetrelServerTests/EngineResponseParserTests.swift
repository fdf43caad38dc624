// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import Testing

@testable import PetrelServer

@Suite struct EngineResponseParserTests {
  /// A whole response, its body joined.
  private struct Outcome: Equatable {
    var status: UInt?
    var headers: [String] = []
    var body = ""
    var keepAlive: Bool?
  }

  private func outcome(
    _ pieces: [Substring], closes: Bool = false, parser: inout EngineResponseParser
  ) throws -> Outcome {
    var outcome = Outcome()
    func take(_ event: EngineResponseParser.Event) {
      switch event {
      case .head(let status, let headers):
        outcome.status = status.code
        outcome.headers = headers.map { "\($0.name): \($0.value)" }
      case .body(let bytes):
        #expect(bytes.readableBytes > 0)
        outcome.body += String(buffer: bytes)
      case .end(let keepAlive):
        #expect(outcome.keepAlive == nil)
        outcome.keepAlive = keepAlive
      }
    }
    for piece in pieces {
      parser.feed(ByteBuffer(substring: piece))
      while let event = try parser.next() { take(event) }
    }
    if closes { take(try parser.endOfStream()) }
    return outcome
  }

  private func outcome(_ text: String, closes: Bool = false) throws -> Outcome {
    var parser = EngineResponseParser()
    return try outcome([text[...]], closes: closes, parser: &parser)
  }

  private static let samples: [(text: String, closes: Bool, expected: Outcome)] = [
    (
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello", false,
      Outcome(
        status: 200, headers: ["Content-Type: application/json", "Content-Length: 5"], body: "hello", keepAlive: true)
    ),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
      false,
      Outcome(status: 200, headers: [], body: "abc0123456789", keepAlive: true)
    ),
    (
      "HTTP/1.1 500 Internal Server Error\r\ncontent-length:0 \r\nCONNECTION: Close\r\n\r\n", false,
      Outcome(status: 500, headers: ["Content-Length: 0"], body: "", keepAlive: false)
    ),
    ("HTTP/1.1 204 No Content\r\n\r\n", false, Outcome(status: 204, body: "", keepAlive: true)),
    ("HTTP/1.1 200\r\n\r\nuntil the end", true, Outcome(status: 200, body: "until the end", keepAlive: false)),
    ("HTTP/1.1 200 OK\n\nbare", true, Outcome(status: 200, body: "bare", keepAlive: false)),
    (
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false,
      Outcome(status: 200, headers: ["Content-Length: 2"], body: "hi", keepAlive: false)
    ),
    (
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false,
      Outcome(status: 200, headers: ["Content-Length: 2"], body: "hi", keepAlive: true)
    ),
  ]

  @Test(arguments: samples.indices) func `A response is understood, split at any byte`(index: Int) throws {
    let sample = Self.samples[index]
    #expect(try outcome(sample.text, closes: sample.closes) == sample.expected)
    for split in sample.text.indices {
      var parser = EngineResponseParser()
      let pieces = [sample.text[..<split], sample.text[split...]]
      #expect(try outcome(pieces, closes: sample.closes, parser: &parser) == sample.expected)
    }
    var parser = EngineResponseParser()
    let bytes = sample.text.unicodeScalars.map { Substring(String($0)) }
    #expect(try outcome(bytes, closes: sample.closes, parser: &parser) == sample.expected)
  }

  @Test func `One connection carries several responses`() throws {
    var parser = EngineResponseParser()
    for body in ["one", "two"] {
      let text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\(body)"
      let outcome = try outcome([text[...]], parser: &parser)
      #expect(outcome.body == body)
      #expect(outcome.keepAlive == true)
      #expect(parser.isEmpty)
      parser.reset()
    }
  }

  @Test func `Bytes after the end belong to nobody`() throws {
    var parser = EngineResponseParser()
    let text = "HTTP/1.1 204 No Content\r\n\r\nmore"
    #expect(try outcome([text[...]], parser: &parser).body == "")
    #expect(!parser.isEmpty)
  }

  @Test func `Headers of the hop and those that are ours to say are withheld`() throws {
    let text = """
      HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nKeep-Alive: timeout=5, max=100\r\nConnection: keep-alive\r\n\
      Access-Control-Allow-Origin: *\r\nUpgrade: h2c\r\nX-Own: a: b\r\nX-Own: second\r\nContent-Length: 0\r\n\r\n
      """
    let outcome = try outcome(text)
    #expect(outcome.headers == ["X-Own: a: b", "X-Own: second", "Content-Length: 0"])
    #expect(outcome.keepAlive == true)
  }

  @Test(arguments: [
    "HTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 abc OK\r\n\r\n",
    "HTTP/1.1 -20 OK\r\n\r\n",
    "HTTP/1.1\r\n\r\n",
    "\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
  ]) func `A malformed response is an error`(text: String) {
    #expect(throws: EngineResponseParser.Malformed.self) { try outcome(text) }
  }

  @Test func `Heads and chunk lines are bounded`() {
    let head = "HTTP/1.1 200 OK\r\n" + String(repeating: "X-A: b\r\n", count: 20_000)
    #expect(throws: EngineResponseParser.Malformed.self) { try outcome(head) }
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + String(repeating: "0", count: 1000)
    #expect(throws: EngineResponseParser.Malformed.self) { try outcome(chunk) }
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
  ]) func `A connection that ends early is an error`(text: String) {
    #expect(throws: EngineResponseParser.Malformed.self) { try outcome(text, closes: true) }
  }
}
