// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// OpenAI's API by curl, under each of its paths.
  @Suite(.sharedDaemon) struct OpenAITests {
    static let bases = [
      "/v1", "/engines/v1", "/engines/llama.cpp/v1", "/exp/vDD4.40/v1", "/exp/vDD4.40/engines/v1",
      "/exp/vDD4.40/engines/llama.cpp/v1",
    ]

    @Test(arguments: bases) func listsAndDescribesModels(base: String) async throws {
      let list = try await SharedDaemon.current.curl(base + "/models").json
      #expect(list["object"].string == "list")
      let model = list["data"][0]
      #expect(model["id"].string == "docker.io/petrel/demo:latest")
      #expect(model["object"].string == "model")
      #expect(model["owned_by"].string == "docker")
      #expect(model["created"].number ?? 0 > 0)
      for name in ["petrel/demo", "petrel%2Fdemo", "docker.io/petrel/demo:latest"] {
        #expect(try await SharedDaemon.current.curl("\(base)/models/\(name)").json == model)
      }
    }

    @Test(arguments: bases) func answersChats(base: String) async throws {
      let answer = try await SharedDaemon.current.curl(base + "/chat/completions", body: Ask.chat("Say hello"))
      #expect(answer.status == 200)
      let json = try answer.json
      #expect(json["object"].string == "chat.completion")
      #expect(json["model"].string == Daemon.model)
      #expect(try #require(json["choices"][0]["message"]["content"].string).contains("Hello"))
      #expect(json["choices"][0]["finish_reason"].string == "stop")
      #expect(json["usage"]["completion_tokens"].number ?? 0 > 0)
    }

    @Test(arguments: bases) func streamsChats(base: String) async throws {
      let answer = try await SharedDaemon.current.curl(
        base + "/chat/completions", body: Ask.chat("Count from 1 to 10", #","stream":true"#))
      #expect(answer.status == 200)
      #expect(answer.contentType.hasPrefix("text/event-stream"))
      let events = try answer.events
      #expect(events.allSatisfy { $0["object"].string == "chat.completion.chunk" })
      #expect(events.compactMap { $0["choices"][0]["delta"]["content"].string }.joined().contains("1, 2, 3"))
      #expect(events.last?["choices"][0]["finish_reason"].string == "stop")
      #expect(answer.body.hasSuffix("data: [DONE]\n\n"))
    }

    @Test func answersOnTheSocketToo() async throws {
      let daemon = try SharedDaemon.current
      let answer = try await daemon.curlSocket(
        "/exp/vDD4.40/engines/llama.cpp/v1/chat/completions", body: Ask.chat("Say hello"))
      #expect(try #require(try answer.json["choices"][0]["message"]["content"].string).contains("Hello"))
    }

    @Test func completesText() async throws {
      let answer = try await SharedDaemon.current.curl(
        "/v1/completions", body: #"{"model":"petrel/demo","prompt":"Hello","max_tokens":4,"ignore_eos":true}"#)
      #expect(answer.status == 200)
      #expect(try answer.json["object"].string == "text_completion")
      #expect(try answer.json["usage"]["completion_tokens"].number == 4)
    }

    @Test func answersByEveryNameOfTheModel() async throws {
      let daemon = try SharedDaemon.current
      let id = try #require(try await daemon.petrel("inspect", Daemon.model).json["id"].string)
      for name in ["docker.io/petrel/demo:latest", "petrel/demo:latest", id] {
        let answer = try await daemon.curl("/v1/chat/completions", body: Ask.chat("Say hello", model: name))
        #expect(answer.status == 200, "\(name)")
      }
    }

    @Test func obeysAJSONSchema() async throws {
      let schema = """
        ,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object",\
        "properties":{"count":{"type":"integer"}},"required":["count"],"additionalProperties":false}}},"max_tokens":64
        """
      let answer = try await SharedDaemon.current.curl("/v1/chat/completions", body: Ask.chat("Give me JSON", schema))
      let content = try #require(try answer.json["choices"][0]["message"]["content"].string)
      #expect(try JSON(parsing: content)["count"].number != nil)
    }

    // MARK: Errors

    @Test(arguments: [
      (
        #"{"model":"nope/x","messages":[{"role":"user","content":"x"}],"prompt":"x","input":"x"}"#, 404,
        "model_not_found"
      ),
      (#"{"messages":[]}"#, 400, "missing_model"),
      (#"{"model":"","messages":[]}"#, 400, "missing_model"),
      (#"{"model":3,"messages":[]}"#, 400, "invalid_model"),
      (#"{"model":"petrel/demo","messages":[}"#, 400, "invalid_json"),
      (#"{"model":"petrel/demo","messages":[]} x"#, 400, "invalid_json"),
      ("", 400, "invalid_json"), ("[]", 400, "invalid_json"),
    ])
    func explainsBadRequests(body: String, status: Int, code: String) async throws {
      for path in ["/chat/completions", "/completions", "/embeddings"] {
        let answer = try await SharedDaemon.current.curl("/v1" + path, body: body)
        #expect(answer.status == status)
        try expectOpenAIError(answer)
        #expect(try answer.json["error"]["code"].string == code)
      }
    }

    @Test func unknownModelIsNamed() async throws {
      let answer = try await SharedDaemon.current.curl(
        "/v1/chat/completions", body: Ask.chat("Say hello", model: "nope/x"))
      #expect(try #require(try answer.json["error"]["message"].string).contains("nope/x"))
      let described = try await SharedDaemon.current.curl("/v1/models/nope/x")
      #expect(described.status == 404)
      try expectOpenAIError(described)
    }

    @Test func requestWithoutMessagesIsExplained() async throws {
      let answer = try await SharedDaemon.current.curl("/v1/chat/completions", body: #"{"model":"petrel/demo"}"#)
      #expect(answer.status == 400)
      try expectOpenAIError(answer)
      #expect(try #require(try answer.json["error"]["message"].string).contains("messages"))
    }

    @Test func overlongPromptIsRefusedWithBothTokenCounts() async throws {
      let prompt = String(repeating: "whales ", count: 5000)
      for stream in ["", #","stream":true"#] {
        let answer = try await SharedDaemon.current.curl("/v1/chat/completions", body: Ask.chat(prompt, stream))
        #expect(answer.status == 400)
        try expectOpenAIError(answer)
        let message = try #require(try answer.json["error"]["message"].string)
        let numbers = message.split { !$0.isNumber }.compactMap { Int($0) }
        #expect(numbers.contains(4096), "\(message)")
        #expect(numbers.contains { $0 >= 5000 && $0 < 10000 }, "\(message)")
      }
    }

    @Test(arguments: [
      ("/v1/chat/completions", "GET", "POST"), ("/v1/chat/completions", "PUT", "POST"),
      ("/engines/v1/embeddings", "DELETE", "POST"), ("/v1/models", "DELETE", "GET"),
    ])
    func wrongMethodIsRefused(path: String, method: String, allowed: String) async throws {
      let answer = try await SharedDaemon.current.curl(path, options: "-X", method, "-D", "-")
      #expect(answer.status == 405)
      #expect(answer.body.contains("Allow: \(allowed)"))
      let body = try #require(answer.body.firstRange(of: "\r\n\r\n")).upperBound
      try expectOpenAIError(CurlAnswer(status: 405, contentType: "", body: String(answer.body[body...])))
    }

    @Test func unknownPathAndBackendAreNotFound() async throws {
      for path in ["/v1/bogus", "/engines/v1/bogus", "/engines/nope/v1/chat/completions"] {
        let answer = try await SharedDaemon.current.curl(path)
        #expect(answer.status == 404)
        try expectOpenAIError(answer)
      }
    }

    private func expectOpenAIError(_ answer: CurlAnswer) throws {
      let error = try answer.json["error"]
      #expect(error.names.isSuperset(of: ["message", "type", "param", "code"]), "\(answer.body)")
      #expect(error["message"].isText && error["type"].isText)
      #expect(error["code"].number == nil, "OpenAI's codes are strings")
    }
  }
}
