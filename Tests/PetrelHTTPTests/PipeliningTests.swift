// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelTestSupport
import Testing

@Suite struct PipeliningTests {
  private static let slow: @Sendable (RequestHead) -> Route = { head in
    head.path == "/slow"
      ? .task { try await $0.respond(SimpleResponse(contentType: "text/plain", text: "[slow]")) } : .echo()
  }

  @Test func `What follows the last request of a connection is not served`() async throws {
    let answers = try await exchange(
      "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /late HTTP/1.1\r\nHost: x\r\n\r\n", with: Self.slow
    )
    #expect(answers.hasSuffix("[slow]"))
    #expect(!answers.contains("/late"))
  }

  @Test func `The last answer of a connection arrives whole, whatever was sent behind its request`() async throws {
    let go = Flag()
    let started = Flag()
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .task { writer in
        started.set()
        try await go.wait()
        let text = String(repeating: "z", count: 1 << 20) + "[end]"
        try await writer.respond(SimpleResponse(contentType: "text/plain", text: text))
      }
    }
    try await withServer(routes) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("GET /first HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      try await started.wait()
      let next = "GET /next HTTP/1.1\r\nHost: x\r\nX-Padding: \(String(repeating: "y", count: 4000))\r\n\r\n"
      // More than the kernel takes: the end of it is thrown away, or never leaves.
      async let sent: Void? = try? client.send(String(repeating: next, count: 500))
      go.set()
      let answer = try await client.receiveAll()
      await sent
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(answer.hasSuffix("z[end]"))
    }
  }

  @Test func `An answer goes out whole before what follows is refused`() async throws {
    let answers = try await exchange(
      "GET /slow HTTP/1.1\r\nHost: x\r\n\r\nno HTTP at all\r\n\r\n", with: Self.slow)
    let parts = answers.split(separator: "[slow]", omittingEmptySubsequences: false)
    #expect(parts.count == 2)
    #expect(parts.first?.hasPrefix("HTTP/1.1 200 OK\r\n") == true)
    #expect(parts.last?.hasPrefix("HTTP/1.1 400 Bad Request\r\n") == true)
  }

  @Test func `A flood of requests behind a slow one is answered in order`() async throws {
    let go = Flag()
    let started = Flag()
    let routes: @Sendable (RequestHead) -> Route = { head in
      guard head.path == "/first" else { return .echo() }
      return .task { writer in
        started.set()
        try await go.wait()
        try await writer.respond(SimpleResponse(contentType: "text/plain", text: "[first]"))
      }
    }
    try await withServer(routes) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("GET /first HTTP/1.1\r\nHost: x\r\n\r\n")
      try await started.wait()
      // More than the kernel takes from a client whose server does not read: this ends when the server goes on.
      let padding = String(repeating: "y", count: 4000)
      let next = "GET /next HTTP/1.1\r\nHost: x\r\nX-Padding: \(padding)\r\n\r\n"
      async let sent: Void = client.send(
        String(repeating: next, count: 4000) + "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      go.set()
      try await sent
      let answers = try await client.receiveAll()
      let bodies = answers.split(separator: "\r\n\r\n").dropFirst().map { $0.prefix { $0 != "]" } }
      #expect(bodies.first == "[first")
      #expect(bodies.last == "[GET /last ")
      #expect(bodies.count == 4002 && bodies.dropFirst().dropLast().allSatisfy { $0 == "[GET /next " })
    }
  }

  @Test func `A header's value cannot end its line`() async throws {
    let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") { _ in
      .onLoop(bodyLimit: 10) { _, _, exchange in
        exchange.respond(SimpleResponse(headers: ["X-Given": "one\r\nX-Made: two\u{0}"]))
      }
    }
    #expect(answer.contains("\r\nX-Given: one  X-Made: two \r\n"))
  }

  @Test func `Pieces of any size arrive in order`() async throws {
    let sizes = [1, 15, 16, 4095, 4096, 4097, 70_000, 2, 20_000, 255, 256]
    let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") { _ in
      .onLoop(bodyLimit: 10) { _, _, exchange in
        exchange.start(.ok, headers: [:])
        for (index, size) in sizes.enumerated() {
          exchange.write(ByteBuffer(repeating: 0x61 + UInt8(index), count: size))
        }
        exchange.finish()
      }
    }
    var expected = ""
    for (index, size) in sizes.enumerated() {
      let letter = Character(Unicode.Scalar(0x61 + UInt8(index)))
      expected += "\(String(size, radix: 16))\r\n\(String(repeating: letter, count: size))\r\n"
    }
    #expect(answer.hasSuffix("Transfer-Encoding: chunked\r\n\r\n\(expected)0\r\n\r\n"))
  }

  @Test func `A status without a body has none`() async throws {
    let answer = try await exchange("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") { _ in
      .onLoop(bodyLimit: 10) { _, _, exchange in
        exchange.respond(SimpleResponse(status: .noContent, body: ByteBuffer(string: "ignored")))
      }
    }
    #expect(answer.hasPrefix("HTTP/1.1 204 No Content\r\n"))
    #expect(answer.hasSuffix("\r\n\r\n"))
    #expect(!answer.lowercased().contains("content-length") && !answer.lowercased().contains("transfer-encoding"))
  }
}
