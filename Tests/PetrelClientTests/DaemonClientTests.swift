// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import PetrelAPI
import PetrelClient
import PetrelTestSupport
import Testing

struct DaemonClientTests {
  private static let progress =
    #"{"type":"progress","message":"","total":3,"layer":{"id":"sha256:ab","size":3,"current":1},"mode":"pull"}"# + "\n"
  private static let success =
    #"{"type":"success","message":"Model pulled successfully","total":0,"layer":{"size":0,"current":0},"mode":"pull"}"#
    + "\n"

  /// Calls `body` with a client of a stub that answers every request in the same way.
  private func with<Value: Sendable>(
    _ response: StubDaemon.Response, _ body: (DaemonClient, StubDaemon) async throws -> Value
  ) async throws -> Value {
    try await StubDaemon.serving({ _ in response }) { stub in
      let client = DaemonClient(endpoint: try DaemonEndpoint(parsing: stub.address), userAgent: "test/1")
      do {
        let value = try await body(client, stub)
        await client.close()
        return value
      } catch {
        await client.close()
        throw error
      }
    }
  }

  private func failure(
    of response: StubDaemon.Response, _ call: (DaemonClient) async throws -> Void
  ) async throws -> ClientError? {
    try await with(response) { client, _ in
      do {
        try await call(client)
        return nil
      } catch let error as ClientError {
        return error
      }
    }
  }

  @Test func pullsAndAsksForJSON() async throws {
    let response = StubDaemon.Response(
      200, chunks: [Self.progress + String(Self.success.prefix(9)), String(Self.success.dropFirst(9))])
    try await with(response) { client, stub in
      var lines: [ProgressLine] = []
      let outcome = try await client.pull(PullRequest(from: "ai/x", bearerToken: "t")) { lines.append($0) }
      #expect(outcome == "Model pulled successfully")
      #expect(lines.map(\.layer.current) == [1])
      let request = try #require(stub.requests.first)
      #expect(request.body == #"{"from":"ai/x","bearer-token":"t"}"#)
      #expect(request.headers["Accept"] == ["application/json"])
      #expect(request.headers["User-Agent"] == ["test/1"])
    }
  }

  @Test func aPullWithoutSuccessHasFailed() async throws {
    let error = try await failure(of: .init(200, chunks: [Self.progress])) {
      _ = try await $0.pull(PullRequest(from: "x")) { _ in }
    }
    #expect(error?.code == .connection)
  }

  @Test func aPullThatIsCutOffHasFailed() async throws {
    let error = try await failure(of: .init(200, chunks: [Self.progress], ending: .cutOff)) {
      _ = try await $0.pull(PullRequest(from: "x")) { _ in }
    }
    #expect(error?.code == .connection)
  }

  @Test func anErrorLineFailsThePull() async throws {
    let line = Self.success.replacing("success\",", with: "error\",").replacing(
      "Model pulled successfully", with: "disk full")
    let error = try await failure(of: .init(200, chunks: [Self.progress, line, "and more text\n"])) {
      _ = try await $0.pull(PullRequest(from: "x")) { _ in }
    }
    #expect(error == ClientError(.stream, "disk full"))
  }

  @Test func anErrorPageIsShown() async throws {
    let error = try await failure(of: .init(200, chunks: ["<html>502 Bad Gateway</html>"])) {
      _ = try await $0.pull(PullRequest(from: "x")) { _ in }
    }
    #expect(error?.code == .unexpectedAnswer)
    #expect(error?.message.contains("unexpected response from server") == true)
    #expect(error?.message.contains("502 Bad Gateway") == true)
  }

  @Test(arguments: [
    ("plain text \n", "plain text"),
    (#"{"error":{"message":"from JSON"}}"#, "from JSON"),
    ("", "the daemon answered with 409"),
  ])
  func statusErrorsCarryTheBodysMessage(body: String, message: String) async throws {
    let response = StubDaemon.Response(409, headers: [("Retry-After", "7")], chunks: [body])
    let error = try await failure(of: response) { _ = try await $0.models() }
    #expect(error?.status == 409)
    #expect(error?.retryAfter == 7)
    #expect(error?.message.hasPrefix(message) == true)
  }

  @Test func streamsAChat() async throws {
    let chunks = [
      ": ping\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"He", "llo\"}}]}\n\n", "data: [DO", "NE]\n\n",
    ]
    try await with(.init(200, type: "text/event-stream", chunks: chunks)) { client, stub in
      var events: [ChatEvent] = []
      try await client.chat(model: "m", messages: [ChatMessage(.user, "q")]) { events.append($0) }
      #expect(events == [.content("Hello")])
      #expect(
        stub.requests.first?.body
          == #"{"model":"m","messages":[{"role":"user","content":"q"}],"stream":true,"#
          + #""stream_options":{"include_usage":true}}"#
      )
    }
  }

  @Test(arguments: [
    ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"died\"}}\n\n", "died"),
    ("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", "cut off"),
  ])
  func aChatThatBreaksHasFailed(stream: String, message: String) async throws {
    let error = try await failure(of: .init(200, type: "text/event-stream", chunks: [stream])) {
      try await $0.chat(model: "m", messages: []) { _ in }
    }
    #expect(error?.message.contains(message) == true)
  }

  @Test func cancellingAChatClosesTheConnection() async throws {
    let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
    try await with(.init(200, type: "text/event-stream", chunks: [chunk], ending: .hanging)) { client, stub in
      let (started, signal) = AsyncStream<Void>.makeStream()
      let task = Task {
        try await client.chat(model: "m", messages: []) { _ in signal.yield() }
      }
      for await _ in started { break }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      try await eventually { stub.clientsLost == 1 }
    }
  }

  @Test func preloadsWithItsHeader() async throws {
    try await with(.init(200, chunks: [])) { client, stub in
      try await client.preload(model: "m")
      #expect(stub.requests.first?.headers["X-Preload-Only"] == ["true"])
      #expect(stub.requests.first?.body == #"{"model":"m","messages":[],"stream":false}"#)
    }
  }

  @Test func uploadsAnArchiveOfKnownLength() async throws {
    try await with(.init(200, chunks: [Self.success])) { client, stub in
      let archive = AsyncStream<[UInt8]> { continuation in
        for _ in 0..<3 { continuation.yield([UInt8](repeating: 0x61, count: 1000)) }
        continuation.finish()
      }
      _ = try await client.load(archive, byteCount: 3000) { _ in }
      let request = try #require(stub.requests.first)
      #expect(request.headers["Content-Length"] == ["3000"])
      #expect(request.body.count == 3000)
    }
  }

  @Test func namesAreEscapedInPaths() async throws {
    try await with(.json("[]")) { client, stub in
      _ = try await client.remove("ai/x:v 1?force", force: true)
      #expect(stub.requests.first?.uri == "/models/ai/x:v%201%3Fforce?force=true")
    }
  }

  @Test func speaksOverAUnixSocket() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "petrel-client-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let socket = folder.appending(path: "petrel.sock").path
    try await StubDaemon.serving(socketPath: socket, { _ in .json(#"{"version":"9"}"#) }) { stub in
      let client = DaemonClient(endpoint: DaemonEndpoint(socketPath: socket), userAgent: "test/1")
      #expect(await client.isAnswering(within: .seconds(60)))
      let version = try await client.version().version
      #expect(version == "9")
      await client.close()
      #expect(stub.requests.map(\.uri) == ["/version", "/version"])
    }
  }

  @Test(arguments: ["unix:///nonexistent/petrel.sock", "http://127.0.0.1:1"])
  func saysWhenNoDaemonRuns(address: String) async throws {
    let client = DaemonClient(endpoint: try DaemonEndpoint(parsing: address), userAgent: "test/1")
    let error = await #expect(throws: ClientError.self) { try await client.models() }
    #expect(error?.code == .notRunning)
    #expect(error?.message.contains("petrel serve") == true)
    #expect(await client.isAnswering(within: .seconds(5)) == false)
    await client.close()
  }

  /// Waits for a condition that another task is about to fulfil.
  private func eventually(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while !condition() {
      try #require(ContinuousClock.now < deadline)
      await Task.yield()
    }
  }
}
