// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import PetrelHTTP
import PetrelTestSupport
import SystemPackage
import Testing

@Suite struct ConnectionTests {
  @Test func `A connection serves one request after another`() async throws {
    try await withServer({ _ in .echo() }) { _, port in
      let client = try await RawClient.connect(port: port)
      for number in 1...3 {
        try await client.send("POST /n\(number) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        let answer = try await client.receive(through: "[POST /n\(number) hi]")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.lowercased().contains("content-length: "))
      }
      #expect(!client.isClosed)
    }
  }

  @Test func `Pipelined requests are answered in order`() async throws {
    let routes: @Sendable (RequestHead) -> Route = { head in
      // The first takes a way through a task, the others none.
      head.path == "/1"
        ? .task { try await $0.respond(SimpleResponse(contentType: "text/plain", text: "[1]")) } : .echo()
    }
    let answers = try await exchange(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "2\r\nab\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", with: routes)
    let order = answers.matches(of: /\[[^\]]*\]/).map { String($0.output) }
    #expect(order == ["[1]", "[POST /2 ab]", "[GET /3 ]"])
  }

  @Test func `Many pipelined requests need no deep stack`() async throws {
    let count = 5000
    let requests = String(repeating: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", count: count - 1)
    let answers = try await exchange(requests + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(answers.matches(of: /\[GET \/ \]/).count == count)
  }

  @Test func `Connection close is heeded and said`() async throws {
    let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(answer.lowercased().contains("connection: close\r\n"))
    #expect(answer.hasSuffix("[GET /a ]"))
  }

  @Test func `HTTP 1.0 ends the connection unless asked otherwise`() async throws {
    let answer = try await exchange("GET /a HTTP/1.0\r\n\r\n")
    #expect(answer.hasSuffix("[GET /a ]"))
    let two = try await exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n")
    #expect(two.contains("[GET /a ]"))
    #expect(two.hasSuffix("[GET /b ]"))
  }

  @Test func `A body of unknown length to an HTTP 1.0 client ends with the connection`() async throws {
    let answer = try await exchange("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") { _ in
      .task { writer in
        try await writer.start(.ok, headers: [:])
        try await writer.write(ByteBuffer(string: "first,"))
        try await writer.write(ByteBuffer(string: "second"))
      }
    }
    #expect(answer.hasSuffix("\r\n\r\nfirst,second"))
    #expect(!answer.lowercased().contains("transfer-encoding"))
  }

  @Test func `HEAD has the headers of GET and no body`() async throws {
    let answers = try await exchange(
      "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(!answers.contains("[HEAD"))
    #expect(answers.lowercased().contains("content-length: 10\r\n"))
    #expect(answers.hasSuffix("[GET /b ]"))
  }

  @Test func `A client that expects 100-continue is told to go on`() async throws {
    try await withServer({ _ in .echo() }) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
      let interim = try await client.receive(through: "\r\n\r\n")
      #expect(interim.hasPrefix("HTTP/1.1 100 "))
      try await client.send("hi")
      let answer = try await client.receive(through: "[POST /a hi]")
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    }
  }

  @Test func `A Unix socket serves`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder.appending("s.sock")
      let listener = try await HTTPListener.bind(
        .unix(path: path.string), group: MultiThreadedEventLoopGroup.singleton,
        responder: ClosureResponder { _ in .echo() }, logger: quietLogger)
      let client = try await RawClient.connect(socket: path.string)
      try await client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      let answer = try await client.receiveAll()
      #expect(answer.hasSuffix("[GET /a ]"))
      await stop(listener)
    }
  }

  @Test func `A task that throws gets the responder's answer and keeps the connection`() async throws {
    struct Broken: Error {}
    let answers = try await exchange(
      "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    ) { head in head.path == "/a" ? .task { _ in throw Broken() } : .echo() }
    #expect(answers.hasPrefix("HTTP/1.1 500 "))
    #expect(answers.contains("failed: Broken()"))
    #expect(answers.hasSuffix("[GET /b ]"))
  }

  @Test func `A task that gives up without an answer does not leave its client waiting`() async throws {
    let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n") { _ in
      .task { _ in throw CancellationError() }
    }
    #expect(answer.isEmpty)
  }

  @Test func `An error in the middle of a body cuts the answer short`() async throws {
    struct Broken: Error {}
    let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n") { _ in
      .task { writer in
        try await writer.start(.ok, headers: [:])
        try await writer.write(ByteBuffer(string: "part"))
        throw Broken()
      }
    }
    #expect(answer.hasSuffix("4\r\npart\r\n"))
  }
}
