// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelTestSupport
import Testing

@Suite struct StreamingTests {
  private static let chunk = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1024 * 1024)

  @Test func `A streamed request body reaches its task as it comes`() async throws {
    let received = Tally()
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .streaming { _, body, writer in
        for try await part in body { received.add(part.readableBytes) }
        try await writer.respond(SimpleResponse(contentType: "text/plain", text: "[\(received.value)]"))
      }
    }
    try await withServer(routes) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello")
      try await eventually("the first half is with the task") { received.value == 5 }
      try await client.send("world")
      _ = try await client.receive(through: "[10]")
      // The connection goes on.
      try await client.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
      _ = try await client.receive(through: "[10]")
    }
  }

  @Test func `A task that reads slowly slows its client`() async throws {
    let go = Flag()
    let received = Tally()
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .streaming { _, body, writer in
        try await go.wait()
        for try await part in body { received.add(part.readableBytes) }
        try await writer.respond(SimpleResponse(contentType: "text/plain", text: "done"))
      }
    }
    let count = 64
    try await withServer(routes) { _, port in
      let client = try await RawClient.connect(port: port)
      let sent = Tally()
      async let sending: Void = {
        try await client.send(
          "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: \(count * Self.chunk.readableBytes)\r\n\r\n")
        for _ in 0..<count {
          try await client.send(Self.chunk)
          sent.add()
        }
      }()
      let stalledAt = try await settled("the upload") { sent.value }
      #expect(stalledAt < count / 2)
      go.set()
      try await sending
      _ = try await client.receive(through: "done")
      #expect(received.value == count * Self.chunk.readableBytes)
    }
  }

  @Test func `A client that reads slowly slows the task that answers it`() async throws {
    let written = Tally()
    let count = 64
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .task { writer in
        try await writer.start(.ok, headers: ["Content-Length": "\(count * Self.chunk.readableBytes)"])
        for _ in 0..<count {
          try await writer.write(Self.chunk)
          written.add()
        }
      }
    }
    try await withServer(routes) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.setReading(false)
      try await client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      let stalledAt = try await settled("the answer") { written.value }
      #expect(stalledAt < count / 2)
      try await client.setReading(true)
      try await eventually("everything has come") { client.receivedCount > count * Self.chunk.readableBytes }
    }
  }

  @Test func `A task that answers before the body has come ends the connection after it`() async throws {
    try await withServer({ _ in
      .streaming { _, _, writer in try await writer.respond(SimpleResponse(contentType: "text/plain", text: "[no]")) }
    }) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
      _ = try await client.receive(through: "[no]")
      // The server reads on for a while, then closes, whichever comes first.
      for _ in 0..<2 { try? await client.send(Self.chunk) }
      _ = try await client.receiveAll()
    }
  }

  @Test func `A client that leaves cancels the task that works for it`() async throws {
    let started = Flag()
    let cancelled = Flag()
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .task { _ in
        started.set()
        do {
          try await Task.sleep(for: .seconds(60))
        } catch {
          cancelled.set()
          throw error
        }
      }
    }
    try await withServer(routes) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      try await started.wait()
      await client.close()
      try await cancelled.wait("the task is cancelled")
    }
  }

  @Test func `A client that leaves in the middle of its body fails the body`() async throws {
    let failed = Flag()
    let received = Flag()
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .streaming { _, body, _ in
        do {
          for try await _ in body { received.set() }
        } catch {
          failed.set()
          throw error
        }
      }
    }
    try await withServer(routes) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
      try await received.wait()
      await client.close()
      try await failed.wait("the body fails")
    }
  }

  @Test func `A client that leaves is reported to an answer on the event loop`() async throws {
    let started = Flag()
    let closed = Tally()
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .onLoop(bodyLimit: 0) { _, _, exchange in
        exchange.onClose = { closed.add() }
        started.set()
      }
    }
    try await withServer(routes) { listener, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      try await started.wait()
      #expect(closed.value == 0)
      await client.close()
      try await eventually("the exchange has heard of it") { closed.value > 0 }
      await stop(listener)
      #expect(closed.value == 1)
    }
  }
}
