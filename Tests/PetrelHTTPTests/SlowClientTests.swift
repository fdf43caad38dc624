// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOPosix
import PetrelTestSupport
import Testing

@testable import PetrelHTTP

@Suite struct ConnectionPaceTests {
  private func pace() -> ConnectionPace {
    var limits = ConnectionLimits()
    limits.leastBytes = 100
    limits.headLooks = 1
    limits.idleLooks = 3
    limits.stalledLooks = 2
    return ConnectionPace(limits)
  }

  @Test func aNewConnectionHasOneIntervalForItsFirstHead() {
    var pace = pace()
    #expect(pace.look(.idle, isWaiting: false, isWritable: true) == .abandoned)
  }

  @Test func aConnectionThatHasServedMayRest() {
    var pace = pace()
    pace.receivedHead()
    let verdicts = (0..<4).map { _ in pace.look(.idle, isWaiting: false, isWritable: true) }
    #expect(verdicts == [.fine, .fine, .fine, .abandoned])
  }

  @Test func aBodyMustKeepComing() {
    var pace = pace()
    pace.receivedHead()
    #expect(pace.look(.receiving, isWaiting: false, isWritable: true) == .fine)
    pace.received(bytes: 100)
    #expect(pace.look(.receiving, isWaiting: false, isWritable: true) == .fine)
    // This side does not read: nobody's fault.
    #expect(pace.look(.receiving, isWaiting: true, isWritable: true) == .fine)
    pace.received(bytes: 99)
    #expect(pace.look(.receiving, isWaiting: false, isWritable: true) == .tooSlow)
  }

  @Test func aNewRequestHasAWholeInterval() {
    var pace = pace()
    for _ in 0..<5 {
      pace.receivedHead()
      #expect(pace.look(.receiving, isWaiting: false, isWritable: true) == .fine)
    }
  }

  @Test func enginesMayTakeTheirTimeAndClientsMayNot() {
    var pace = pace()
    pace.receivedHead()
    for _ in 0..<10 { #expect(pace.look(.answering, isWaiting: false, isWritable: true) == .fine) }
    #expect(pace.look(.answering, isWaiting: false, isWritable: false) == .fine)
    pace.taken()
    #expect(pace.look(.answering, isWaiting: false, isWritable: false) == .fine)
    #expect(pace.look(.answering, isWaiting: false, isWritable: false) == .fine)
    #expect(pace.look(.answering, isWaiting: false, isWritable: false) == .abandoned)
  }
}

/// Clients that keep connections and give nothing.
@Suite struct SlowClientTests {
  /// Looks so often that the tests need not wait.
  private static let impatient: ConnectionLimits = {
    var limits = ConnectionLimits()
    limits.lookInterval = .milliseconds(20)
    return limits
  }()

  @Test(arguments: ["", "GET /a HTTP/1.1\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nX-Slow: "])
  func `A head that does not come to its end is given up`(_ start: String) async throws {
    try await withServer(limits: Self.impatient, { _ in .echo() }) { _, port in
      let client = try await RawClient.connect(port: port)
      // The server may have given up before.
      try? await client.send(start)
      #expect(((try? await client.receiveAll()) ?? "").isEmpty)
    }
  }

  @Test(arguments: ["Content-Length: 100000\r\n\r\nxx", "Transfer-Encoding: chunked\r\n\r\n5\r\nxx"])
  func `A body that does not come gets 408`(_ rest: String) async throws {
    var limits = Self.impatient
    // However slowly the machine reads the head: it is the body that is waited for.
    limits.headLooks = .max
    try await withServer(limits: limits, { _ in .echo() }) { _, port in
      let client = try await RawClient.connect(port: port)
      try await client.send("POST /a HTTP/1.1\r\nHost: x\r\n" + rest)
      let answer = try await client.receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 408 "))
      #expect(answer.contains("refused: the body came too slowly"))
    }
  }

  @Test func `Connections beyond the limit are turned away, and those there go on`() async throws {
    var limits = ConnectionLimits()
    limits.connections = 1
    try await withServer(limits: limits, { _ in .echo() }) { _, port in
      let first = try await RawClient.connect(port: port)
      try await first.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
      _ = try await first.receive(through: "[GET /a ]")
      let second = try await RawClient.connect(port: port)
      let answer = try await second.receiveAll()
      #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 503 "))
      try await first.send("GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      #expect(try await first.receiveAll().hasSuffix("[GET /b ]"))
    }
  }
}
