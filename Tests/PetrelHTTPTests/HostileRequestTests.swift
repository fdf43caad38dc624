// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelTestSupport
import Testing

@Suite struct HostileRequestTests {
  /// Each is followed by a second request, which must not be served: the two ends don't agree where it begins.
  @Test(arguments: [
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: x\r\nX-Folded: one\r\n two\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: x\r\nX-\u{1}Odd: y\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /a HTTP/9.9\r\nHost: x\r\n\r\n",
    "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
    "GET /a HTTP/1.1\nHost: x\n\n",
    "GET /a HTTP/1.1\r\nHost: x\n\r\n",
    "GET /a HTTP/1.1\rHost: x\r\r",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: x\r\n Content-Length: 5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
    "GET /a HTTP/1.1\r\nHost: x\r\nX-Nul: a\u{0}b\r\n\r\n",
    "GET /a HTTP/1.1\r\n: empty\r\nHost: x\r\n\r\n",
  ]) func `Requests of doubtful length or form are refused`(request: String) async throws {
    let answer = try await exchange(request + "GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(!answer.contains("/smuggled"))
    #expect(!answer.contains(" 200 OK"))
    #expect(answer.hasPrefix("HTTP/1.1 400 "))
  }

  @Test func `HTTP 1.0 has no chunks`() async throws {
    let answer = try await exchange(
      "POST /a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.0 400 "))
    #expect(!answer.contains("/smuggled"))
  }

  @Test func `A target that is no path is refused`() async throws {
    let answer = try await exchange("GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 400 "))
    #expect(answer.hasSuffix("refused: invalid request target\n"))
  }

  @Test func `A body that is announced as too large gets 413, and the client can read it`() async throws {
    let size = 4 * 1024 * 1024
    let answer = try await exchange(
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: \(size)\r\n\r\n" + String(repeating: "x", count: size)
    ) { _ in .echo(limit: 1024) }
    #expect(answer.hasPrefix("HTTP/1.1 413 "))
    #expect(answer.lowercased().contains("connection: close"))
    #expect(answer.hasSuffix("refused: request too large: the limit is 1024 bytes\n"))
  }

  @Test func `A body that turns out too large gets 413, and the client can read it`() async throws {
    let chunk = "10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n"
    let answer = try await exchange(
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + String(repeating: chunk, count: 32)
        + "0\r\n\r\n"
    ) { _ in .echo(limit: 100_000) }
    #expect(answer.hasPrefix("HTTP/1.1 413 "))
    #expect(answer.hasSuffix("refused: request too large: the limit is 100000 bytes\n"))
  }

  @Test func `What is answered in any case is answered whatever the body's size`() async throws {
    let size = 4 * 1024 * 1024
    let notFound = SimpleResponse(status: .notFound, contentType: "text/plain", text: "not here\n")
    for body in [
      "Content-Length: \(size)\r\n\r\n" + String(repeating: "x", count: size),
      "Transfer-Encoding: chunked\r\n\r\n"
        + String(repeating: "10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n", count: 64) + "0\r\n\r\n",
    ] {
      let answer = try await exchange("POST /a HTTP/1.1\r\nHost: x\r\n" + body) { _ in .fixed(notFound) }
      #expect(answer.hasPrefix("HTTP/1.1 404 "))
      #expect(answer.hasSuffix("not here\n"))
    }
    let small = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
    let answer = try await exchange(small + "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") { head in
      head.path == "/a" ? .fixed(notFound) : .echo()
    }
    #expect(answer.hasPrefix("HTTP/1.1 404 "))
    #expect(answer.hasSuffix("[GET /b ]"))
  }

  @Test func `A body of exactly the limit is taken`() async throws {
    let answer = try await exchange(
      "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfour"
    ) { _ in .echo(limit: 4) }
    #expect(answer.hasSuffix("[POST /a four]"))
  }

  @Test func `A client that expects 100-continue is refused without its body`() async throws {
    try await withServer({ _ in .echo(limit: 10) }) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n")
      let answer = try await client.receive(through: "10 bytes\n")
      #expect(answer.hasPrefix("HTTP/1.1 413 "))
    }
  }

  @Test func `A flood of headers is refused`() async throws {
    for count in [127, 128] {
      let lines = (0..<count).map { "X-\($0): y\r\n" }.joined()
      let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines + "\r\n")
      #expect(!answer.contains(" 200 OK"))
    }
    let few = (0..<100).map { "X-\($0): y\r\n" }.joined()
    #expect(
      try await exchange("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + few + "\r\n").contains(" 200 OK"))
    let large = (0..<100).map { "X-\($0): " + String(repeating: "y", count: 2000) + "\r\n" }.joined()
    #expect(!(try await exchange("GET /a HTTP/1.1\r\nHost: x\r\n" + large + "\r\n").contains(" 200 OK")))
    let many = (0..<200_000).map { "X-\($0): y\r\n" }.joined()
    let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\n" + many + "\r\n")
    #expect(!answer.contains(" 200 OK"))
    let long = try await exchange(
      "GET /a HTTP/1.1\r\nX: " + String(repeating: "y", count: 4 * 1024 * 1024) + "\r\n\r\n")
    #expect(!long.contains(" 200 OK"))
  }

  @Test func `An endless request line is refused`() async throws {
    let answer = try await exchange("GET /" + String(repeating: "a", count: 4 * 1024 * 1024) + " HTTP/1.1\r\n\r\n")
    #expect(!answer.contains(" 200 OK"))
  }
}
