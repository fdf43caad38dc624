// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import PetrelHTTP
import PetrelTestSupport
import Testing

@Suite struct DrainTests {
  @Test func `Draining closes idle connections and lets a running answer finish`() async throws {
    let started = Flag()
    let go = Flag()
    let routes: @Sendable (RequestHead) -> Route = { head in
      guard head.path == "/slow" else { return .echo() }
      return .task { writer in
        try await writer.start(.ok, headers: [:])
        try await writer.write(ByteBuffer(string: "begin"))
        started.set()
        try await go.wait()
        try await writer.write(ByteBuffer(string: "end"))
      }
    }
    try await withServer(routes) { listener, port in
      let idle = try await RawClient.connect(port: port)
      try await idle.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      _ = try await idle.receive(through: "[GET /a ]")
      let busy = try await RawClient.connect(port: port)
      try await busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
      try await started.wait()

      let drained = Flag()
      async let draining: Void = {
        await listener.drain()
        drained.set()
      }()
      _ = try await idle.receiveAll()
      await #expect(throws: (any Error).self) { try await RawClient.connect(port: port) }
      #expect(!drained.isSet)
      #expect(!busy.isClosed)
      go.set()
      let answer = try await busy.receiveAll()
      #expect(answer.hasSuffix("3\r\nend\r\n0\r\n\r\n"))
      await draining
    }
  }

  @Test func `A connection in the middle of a request is served before it ends`() async throws {
    try await withServer({ _ in .echo() }) { listener, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
      _ = try await client.receive(through: "100 Continue\r\n\r\n")
      async let draining: Void = listener.drain()
      try await eventually("nobody is let in") { (try? await RawClient.connect(port: port)) == nil }
      try await client.send("hi")
      let answer = try await client.receiveAll()
      #expect(answer.hasSuffix("[POST /a hi]"))
      await draining
    }
  }

  @Test func `Closing cuts off what still runs and cancels its task`() async throws {
    let started = Flag()
    let cancelled = Flag()
    let routes: @Sendable (RequestHead) -> Route = { _ in
      .task { _ in
        started.set()
        defer { cancelled.set() }
        try await Task.sleep(for: .seconds(60))
      }
    }
    try await withServer(routes) { listener, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      try await started.wait()
      async let draining: Void = listener.drain()
      await listener.close()
      let answer = try await client.receiveAll()
      #expect(answer.isEmpty)
      try await cancelled.wait("the task is cancelled")
      await draining
    }
  }
}
