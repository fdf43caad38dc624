// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Every row of the tables in `docs/ollama.md`.
  @Suite struct OllamaFieldTests {
    private static let pixel =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    private static let base = [
      ("model", "\"petrel/demo\""), ("stream", "false"), ("messages", #"[{"role":"user","content":"x"}]"#),
    ]
    private static let prompt = [("model", "\"petrel/demo\""), ("stream", "false"), ("prompt", "\"x\"")]
    private static let image = "data:image/png;base64,\(pixel)"

    private static func messages(_ members: String) -> String { #""messages":[{"role":"user",\#(members)}]"# }

    @Test func fieldsOfEveryRequest() async throws {
      let suite = FieldSuite(
        table: try DocumentTable("ollama.md", "Fields of every inference request"), path: "/api/chat", base: Self.base,
        cases: [
          FieldCase("model", #""model":"petrel/demo:latest""#, .reaches(#"{"model":"petrel/demo:latest"}"#)),
          .wrong("model", "3"), FieldCase("name", #""name":"petrel/demo","model":null"#, .reaches("{}")),
          FieldCase("stream", #""stream":false"#, .answers(#""done":true"#)), .wrong("stream", "1"),
          FieldCase("keep_alive", #""keep_alive":"5m""#, .absent(["keep_alive"])),
          FieldCase("keep_alive", #""keep_alive":300"#, .absent(["keep_alive"])),
          FieldCase("keep_alive", #""keep_alive":-1"#, .absent(["keep_alive"])),
          FieldCase("keep_alive", #""options":{"keep_alive":"5m"}"#, .absent(["keep_alive", "options"])),
          .wrong("keep_alive", "[]"), .wrong("keep_alive", "\"later\""),
          FieldCase("options", #""options":{"seed":3}"#, .reaches(#"{"seed":3}"#)), .wrong("options", "[]"),
          .same("cache_prompt", "true"),
        ])
      try await EchoEngine.with { engine in try await suite.run(on: engine) }
    }

    @Test func chats() async throws {
      var cases: [FieldCase] = [
        FieldCase("messages", #""messages":[]"#, .answers(#""done_reason":"load""#)), .wrong("messages", "3"),
        FieldCase(
          "messages[].role", #""messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]"#,
          .reaches(#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}"#)),
        FieldCase("messages[].role", #""messages":[{"content":"s"}]"#, .refused("role")),
        FieldCase(
          ".content", Self.messages(#""content":[{"type":"text","text":"a"}]"#),
          .reaches(#"{"messages":[{"content":[{"type":"text","text":"a"}]}]}"#)),
        FieldCase(".content", Self.messages(#""content":3"#), .refused("content")),
        FieldCase(
          "messages[].thinking",
          #""messages":[{"role":"assistant","content":"a","thinking":"hm"},{"role":"user","content":"x"}]"#,
          .reaches(#"{"messages":[{"content":"a","reasoning_content":"hm"},{}]}"#)),
        FieldCase(
          "messages[].images", Self.messages(#""content":"a","images":["\#(Self.pixel)"]"#),
          .reaches(#"{"messages":[{"content":[{"type":"text","text":"a"},{"image_url":{"url":"\#(Self.image)"}}]}]}"#)),
        FieldCase(
          "messages[].images", Self.messages(#""content":"a","images":["\#(Self.image)"]"#),
          .reaches(#"{"messages":[{"content":[{},{"image_url":{"url":"\#(Self.image)"}}]}]}"#)),
        FieldCase(
          "messages[].images", Self.messages(#""content":"a","images":["http://a.example/x"]"#), .refused("image")),
        FieldCase(
          "messages[].tool_calls",
          #""messages":[{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},{"role":"tool","content":"r","tool_name":"f"}]"#,
          .reaches(
            #"{"messages":[{"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"call_1"}]}"#
          )),
        FieldCase(
          "messages[].tool_name", #""messages":[{"role":"tool","content":"r","tool_name":"f"}]"#,
          .reaches(#"{"messages":[{"role":"tool","name":"f"}]}"#)),
        FieldCase(
          ".tool_call_id", #""messages":[{"role":"tool","content":"r","tool_call_id":"c"}]"#,
          .reaches(#"{"messages":[{"role":"tool","tool_call_id":"c"}]}"#)),
        .same("tools", #"[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#),
        .wrong("tools", "{}"),
        FieldCase("format", #""format":"json""#, .reaches(#"{"response_format":{"type":"json_object"}}"#)),
        FieldCase(
          "format", #""format":{"type":"object","properties":{"b":{},"a":{}}}"#,
          .reaches(
            #"{"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object","properties":{"b":{},"a":{}}}}}}"#
          )),
        .wrong("format", "\"xml\""),
        FieldCase("think", #""think":false"#, .reaches(#"{"chat_template_kwargs":{"enable_thinking":false}}"#)),
        .wrong("think", "\"much\""),
        FieldCase("logprobs", #""logprobs":true"#, .reaches(#"{"logprobs":true}"#)), .wrong("logprobs", "1"),
        FieldCase(
          "top_logprobs", #""logprobs":true,"top_logprobs":3"#, .reaches(#"{"logprobs":true,"top_logprobs":3}"#)),
        FieldCase("top_logprobs", #""logprobs":true,"top_logprobs":99"#, .refused("top_logprobs")),
        FieldCase("truncate", #""truncate":true"#, .absent(["truncate"])),
        FieldCase("shift", #""shift":true"#, .absent(["shift"])),
      ]
      for level in ["low", "medium", "high", "max"] {
        cases.append(
          FieldCase(
            "think", #""think":"\#(level)""#,
            .reaches(#"{"chat_template_kwargs":{"enable_thinking":true,"reasoning_effort":"\#(level)"}}"#)))
      }
      let suite = FieldSuite(
        table: try DocumentTable("ollama.md", "`/api/chat`"), path: "/api/chat", base: Self.base, cases: cases)
      let figures = try DocumentTable("ollama.md", "`/api/chat`", number: 1)
      try await EchoEngine.with { engine in
        try await suite.run(on: engine)
        let answer = try await engine.daemon.curl(
          "/api/chat", body: #"{"model":"petrel/demo","stream":false,"messages":[{"role":"user","content":"x"}]}"#)
        for name in figures.rows.flatMap(\.names) { #expect(try answer.json[name].number != nil, "\(name)") }
      }
    }

    @Test func prompts() async throws {
      let suite = FieldSuite(
        table: try DocumentTable("ollama.md", "`/api/generate`"), path: "/api/generate", base: Self.prompt,
        cases: [
          FieldCase("prompt", #""prompt":"p""#, .reaches(#"{"messages":[{"role":"user","content":"p"}]}"#)),
          FieldCase("prompt", #""prompt":"""#, .answers(#""done_reason":"load""#)), .wrong("prompt", "3"),
          FieldCase("system", #""system":"s""#, .reaches(#"{"messages":[{"role":"system","content":"s"},{}]}"#)),
          .wrong("system", "3"),
          FieldCase(
            "images", #""images":["\#(Self.pixel)"]"#,
            .reaches(#"{"messages":[{"content":[{},{"image_url":{"url":"\#(Self.image)"}}]}]}"#)),
          FieldCase("images", #""images":["\#(Self.pixel)"],"raw":true"#, .refused("images")),
          FieldCase("suffix", #""suffix":"s""#, .reaches(#"{"input_prefix":"x","input_suffix":"s"}"#)),
          .wrong("suffix", "3"),
          FieldCase("raw", #""raw":true"#, .reaches(#"{"prompt":"x"}"#)), .wrong("raw", "3"),
          .wrong("context", #"[1,2,3]"#), FieldCase("context", #""context":[]"#, .reaches(#"{"messages":[{}]}"#)),
          .wrong("template", "\"{{ .Prompt }}\""),
          FieldCase("format", #""format":"json""#, .reaches(#"{"response_format":{"type":"json_object"}}"#)),
          FieldCase("think", #""think":false"#, .reaches(#"{"chat_template_kwargs":{"enable_thinking":false}}"#)),
          FieldCase("logprobs", #""logprobs":true"#, .reaches(#"{"logprobs":true}"#)),
          FieldCase("logprobs", #""logprobs":true,"raw":true"#, .absent(["logprobs"])),
          FieldCase("top_logprobs", #""logprobs":true,"top_logprobs":2"#, .reaches(#"{"top_logprobs":2}"#)),
        ]
          + ["truncate", "shift", "width", "height", "steps"].map {
            FieldCase($0, "\"\($0)\":1", .absent([$0]))
          })
      let embeddings = FieldSuite(
        table: try DocumentTable("ollama.md", "`/api/embed` and `/api/embeddings`"), path: "/api/embed",
        base: [("model", "\"petrel/demo\""), ("input", "\"x\"")],
        cases: [
          .same("input", "\"a\""), .same("input", #"["a","b"]"#), .wrong("input", "3"),
          FieldCase("prompt", #""prompt":"a""#, .reaches(#"{"input":"a"}"#), path: "/api/embeddings"),
          FieldCase("prompt", #""prompt":["a"]"#, .refused("prompt"), path: "/api/embeddings"),
          FieldCase("dimensions", #""dimensions":2"#, .answers("[0.6,0.8]")), .wrong("dimensions", "-1"),
          FieldCase("truncate", #""truncate":true"#, .absent(["truncate"])),
        ])
      try await EchoEngine.with { engine in
        try await suite.run(on: engine)
        try await embeddings.run(on: engine, except: ["/api/embeddings", "/api/embed"])
      }
    }

    @Test func options() async throws {
      func option(_ name: String, _ value: String, as engine: String? = nil) -> FieldCase {
        FieldCase(name, #""options":{"\#(name)":\#(value)}"#, .reaches("{\"\(engine ?? name)\":\(value)}"))
      }
      func wrong(_ name: String, _ value: String) -> FieldCase {
        FieldCase(name, #""options":{"\#(name)":\#(value)}"#, .refused(name))
      }
      var cases = [
        FieldCase("num_ctx", #""options":{"num_ctx":4096}"#, .absent(["num_ctx"])), wrong("num_ctx", "0"),
        option("num_predict", "7", as: "n_predict"), option("num_keep", "2", as: "n_keep"), option("stop", #"["a"]"#),
        FieldCase("stop", #""options":{"stop":"a"}"#, .reaches(#"{"stop":["a"]}"#)), wrong("stop", "3"),
        option("dry_multiplier", "0.5"), option("xtc_probability", "0.1"), option("grammar", "\"root\""),
      ]
      for name in ["seed", "top_k", "repeat_last_n", "mirostat"] { cases += [option(name, "1"), wrong(name, "\"x\"")] }
      for name in [
        "temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty",
        "mirostat_tau", "mirostat_eta",
      ] { cases += [option(name, "0.5"), wrong(name, "true")] }
      for name in [
        "numa", "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mmap",
        "use_mlock", "embedding_only", "num_thread", "num_gqa", "rope_frequency_base", "rope_frequency_scale",
        "draft_num_predict", "tfs_z", "penalize_newline",
      ] { cases.append(FieldCase(name, #""options":{"\#(name)":1}"#, .absent([name]))) }
      let suite = FieldSuite(
        table: try DocumentTable("ollama.md", "Options"), path: "/api/chat", base: Self.base, cases: cases)
      try await EchoEngine.with { engine in try await suite.run(on: engine) }
    }

    @Test func makingModels() async throws {
      let table = try DocumentTable("ollama.md", "Making models")
      let cases: [(field: String, members: String, status: Int)] = [
        ("model", #""model":"petrel/a""#, 200), ("model", #""model":"""#, 400), ("stream", #""stream":false"#, 200),
        ("stream", #""stream":1"#, 400), ("from", #""from":"petrel/demo""#, 200), ("from", #""from":"nope/x""#, 404),
        ("files", #""from":"","files":{"a.gguf":"sha256:x"}"#, 400), ("files", #""files":{"a.gguf":"sha256:x"}"#, 400),
        ("system", #""system":"s""#, 200), ("system", #""system":3"#, 400),
        ("messages", #""messages":[{"role":"user","content":"a"}]"#, 200),
        ("parameters", #""parameters":{"temperature":0.5}"#, 200),
        ("parameters", #""parameters":{"temperature":"x"}"#, 400),
        ("parameters.num_ctx", #""parameters":{"num_ctx":2048}"#, 200),
        ("parameters.num_ctx", #""parameters":{"num_ctx":0}"#, 400),
        ("template", #""template":"{{ messages }}""#, 200), ("template", #""template":"{{ .Prompt }}""#, 400),
        ("license", #""license":["a","b"]"#, 200), ("license", #""license":3"#, 400),
        ("quantize", #""quantize":"q4_0""#, 400), ("adapters", #""adapters":{"a":"sha256:x"}"#, 400),
        ("modelfile", #""modelfile":"FROM x""#, 400),
      ]
      #expect(Set(table.rows.flatMap(\.names)).subtracting(["/api/chat", "/api/generate"]) == Set(cases.map(\.field)))
      try await EchoEngine.with { engine in
        for one in cases {
          let given = try JSON(parsing: "{\(one.members)}").names
          let base = [("model", "\"petrel/made\""), ("from", "\"petrel/demo\""), ("stream", "false")]
          let members = base.filter { !given.contains($0.0) }.map { "\"\($0.0)\":\($0.1)" } + [one.members]
          let answer = try await engine.daemon.curl("/api/create", body: "{\(members.joined(separator: ","))}")
          #expect(answer.status == one.status, "\(one): \(answer.body)")
        }
      }
    }

    @Test func endpoints() async throws {
      let table = try DocumentTable("ollama.md", "Endpoints")
      try await EchoEngine.with { engine in
        for name in table.rows.flatMap(\.names) where name.contains(" /") {
          let words = name.split(separator: " ").map(String.init)
          let path = words[1].replacing("{digest}", with: "sha256:" + String(repeating: "0", count: 64))
          var options = ["-X", words[0]]
          // With -X alone curl would wait for the body of a HEAD's answer.
          if words[0] == "HEAD" { options = ["-I"] }
          let hasBody = words[0] == "POST" || words[0] == "DELETE"
          let answer = try await engine.daemon.curl(
            path, body: hasBody ? "{}" : nil, options: options[0], options.count > 1 ? options[1] : "-s")
          // What is not there is a blob, or a model that is not named.
          #expect(
            answer.status == 200 || answer.status == 400 || words[0] == "HEAD",
            "\(name): \(answer.status) \(answer.body)")
        }
        let wrong = try await engine.daemon.curl("/api/tags", body: "{}")
        #expect(wrong.status == 405)
        #expect(try wrong.json["error"].isText)
      }
    }
  }
}
