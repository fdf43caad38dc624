// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Testing

extension EndToEnd {
  /// Ollama's API as it is on the wire.
  @Suite(.sharedDaemon) struct OllamaTests {
    private static let prompt =
      #"{"model":"\#(Daemon.model)","prompt":"Say hello","think":false,"options":{"temperature":0}"#

    @Test func `Answers and streams have their content types`() async throws {
      let daemon = try SharedDaemon.current
      let whole = try await daemon.curl("/api/generate", body: Self.prompt + #","stream":false}"#)
      #expect(whole.status == 200)
      #expect(whole.contentType == "application/json")
      #expect(try whole.json["response"].string?.contains("Hello") == true)
      #expect(try whole.json["eval_duration"].number ?? 0 > 0)

      let stream = try await daemon.curl("/exp/vDD4.40/api/generate", body: Self.prompt + "}")
      #expect(stream.status == 200)
      #expect(stream.contentType == "application/x-ndjson")
      let lines = try stream.body.split(separator: "\n").map { try JSON(parsing: String($0)) }
      #expect(lines.dropLast().allSatisfy { $0["done"] == .bool(false) })
      #expect(lines.last?["done"] == .bool(true))
      #expect(lines.compactMap { $0["response"].string }.joined() == (try whole.json["response"].string))
    }

    @Test(arguments: [
      ("/api/chat", "{", 400), ("/api/chat", "[]", 400), ("/api/chat", "{}", 400),
      ("/api/chat", #"{"model":"no/such","messages":[{"role":"user","content":"x"}]}"#, 404),
      ("/api/generate", #"{"model":"petrel/demo","prompt":"x","template":"{{ .Prompt }}"}"#, 400),
      ("/api/embed", #"{"model":"petrel/demo","input":7}"#, 400), ("/api/show", #"{"model":"no/such"}"#, 404),
      ("/api/copy", #"{"source":"petrel/demo"}"#, 400), ("/api/copy", #"{"source":"no/such","destination":"x"}"#, 404),
      ("/api/pull", "{}", 400), ("/api/pull", #"{"model":":::"}"#, 400), ("/api/push", #"{"model":"no/such"}"#, 404),
      ("/api/create", #"{"model":"x"}"#, 400), ("/api/create", #"{"model":"x","from":"no/such"}"#, 404),
      ("/api/tags", "{}", 405), ("/api/delete", "{}", 405), ("/api/nothing", "{}", 404), ("/api", "{}", 404),
      ("/api/blobs/sha256:7", "x", 400),
    ]) func `Errors have Ollama's form and a status that fits`(path: String, body: String, status: Int) async throws {
      let answer = try await SharedDaemon.current.curl(path, body: body)
      #expect(answer.status == status, "\(answer.body)")
      #expect(answer.contentType == "application/json")
      let json = try answer.json
      #expect(json["error"].isText)
      #expect(json.names == ["error"])
    }

    @Test func `Blobs are looked for, sent and refused`() async throws {
      let daemon = try SharedDaemon.current
      // Of "hello".
      let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
      let path = "/api/blobs/" + digest
      #expect(try await daemon.curl(path, options: "--head").status == 404)
      #expect(try await daemon.curl(path, body: "other").status == 400)
      #expect(try await daemon.curl(path, body: "hello", options: "-H", "Transfer-Encoding: chunked").status == 201)
      #expect(try await daemon.curl(path, body: "hello").status == 200)
      #expect(try await daemon.curl(path, options: "--head").status == 200)
    }

    @Test func `Requests are recorded, and a client that leaves frees the engine`() async throws {
      let daemon = try SharedDaemon.current
      try await daemon.withStream(
        "/api/chat",
        body: #"{"model":"petrel/demo","messages":[{"role":"user","content":"Tell me about the fall of Rome."}],"#
          + #""options":{"num_predict":4000,"ignore_eos":true}}"#
      ) { running in
        _ = try await running.lines.first { _ in true }
        running.send(.kill)
      }
      let record = try await eventually("it is recorded") {
        let groups = try await daemon.curl("/engines/requests?model=petrel/demo").json
        return groups.elements.flatMap { $0["records"].elements }.first { $0["url"].string == "/api/chat" }
      }
      #expect(record["origin"].string == "ollama/completion")
      #expect(record["request"].string?.contains("n_predict") == true)
      try await eventually("the engine is free") {
        let runners = try await daemon.curl("/engines/ps").json.elements
        return runners.contains { $0["in_use"] == .bool(true) } ? nil : true
      }
    }
  }
}
