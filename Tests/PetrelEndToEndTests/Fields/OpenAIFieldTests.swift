// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Testing

extension EndToEnd {
  /// Every row of the tables in `docs/openai.md`.
  @Suite struct OpenAIFieldTests {
    /// A WAV file without sound.
    private static let sound =
      #"{"type":"input_audio","input_audio":{"data":"UklGRjEyMzRXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=","format":"wav"}}"#
    private static let pixel =
      "data:image/png;base64,"
      + "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    private static let tool = #"{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}"#

    private static func content(_ part: String) -> String { #""messages":[{"role":"user","content":[\#(part)]}]"# }

    @Test func chats() async throws {
      let model = ("model", "\"petrel/demo\"")
      var cases: [FieldCase] = [
        FieldCase("model", #""model":"docker.io/petrel/demo:latest""#, .reaches("{}")),
        FieldCase("model", #""model":"""#, .refused("model")),
        FieldCase(
          "messages",
          #""messages":[{"role":"tool","tool_call_id":"a","name":"f","content":"x"}]"#,
          .reaches(#"{"messages":[{"role":"tool","tool_call_id":"a","name":"f","content":"x"}]}"#)),
        .wrong("messages", "[]"), .wrong("messages", "3"),
        FieldCase(
          "messages[].content[].image_url", Self.content(#"{"type":"image_url","image_url":{"url":"\#(Self.pixel)"}}"#),
          .reaches("{\(Self.content(#"{"type":"image_url","image_url":{"url":"\#(Self.pixel)"}}"#))}")),
        FieldCase(
          "messages[].content[].image_url",
          Self.content(#"{"type":"image_url","image_url":{"url":"http://127.0.0.1/x.png"}}"#),
          .refused("image_url_not_allowed")),
        FieldCase(
          "messages[].content[].input_audio",
          Self.content(Self.sound), .reaches("{\(Self.content(Self.sound))}")),
        FieldCase("prompt", #""prompt":"x""#, .reaches(#"{"prompt":"x"}"#), path: "/v1/completions"),
        FieldCase("prompt", #""prompt":[[1,2],"x"]"#, .reaches(#"{"prompt":[[1,2],"x"]}"#), path: "/v1/completions"),
        .same("stop", #"["a","b"]"#), .same("stop", "\"a\""), .wrong("stop", "[1]"),
        .same("logit_bias", #"{"1":-100}"#), .wrong("logit_bias", "\"x\""),
        .same("stream", "false"), .wrong("stream", "\"yes\""),
        FieldCase(
          "stream_options.include_usage", #""stream":true,"stream_options":{"include_usage":true}"#,
          .reaches(#"{"stream_options":{"include_usage":true}}"#)),
        FieldCase(
          "stream_options.include_usage", #""stream_options":{"include_usage":1}"#, .refused("stream_options")),
        FieldCase("logprobs", #""logprobs":true"#, .reaches(#"{"logprobs":true}"#)), .wrong("logprobs", "3"),
        FieldCase("logprobs", #""logprobs":3,"prompt":"x""#, .reaches(#"{"logprobs":3}"#), path: "/v1/completions"),
        FieldCase("top_logprobs", #""logprobs":true,"top_logprobs":3"#, .reaches(#"{"top_logprobs":3}"#)),
        FieldCase("top_logprobs", #""logprobs":true,"top_logprobs":21"#, .refused("top_logprobs")),
        .wrong("top_logprobs", "3"),
        .same("response_format", #"{"type":"text"}"#), .same("response_format", #"{"type":"json_object"}"#),
        .same("response_format", #"{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#),
        .wrong("response_format", #"{"type":"json_schema"}"#), .wrong("response_format", #"{"type":"xml"}"#),
        FieldCase("tools", #""tools":[\#(Self.tool)]"#, .reaches(#"{"tools":[\#(Self.tool)]}"#)),
        .wrong("tools", #"[{"type":"web_search"}]"#), .wrong("tools", "{}"),
        FieldCase(
          "tool_choice",
          #""tools":[{"type":"function","function":{"name":"g"}},\#(Self.tool)],"tool_choice":{"type":"function","function":{"name":"f"}}"#,
          .reaches(#"{"tool_choice":"required","tools":[\#(Self.tool)]}"#)),
        FieldCase(
          "tool_choice", #""tools":[\#(Self.tool)],"tool_choice":{"type":"function","function":{"name":"g"}}"#,
          .refused("tool_choice")),
        .wrong("tool_choice", "\"always\""),
        .same("parallel_tool_calls", "true"), .wrong("parallel_tool_calls", "1"),
        .same("reasoning_effort", "\"high\""), .wrong("reasoning_effort", "\"much\""),
        .same("chat_template_kwargs", #"{"enable_thinking":false}"#), .same("grammar", #""root ::= \"a\"""#),
        .same("json_schema", #"{"type":"object"}"#), .same("cache_prompt", "false"),
        .same("keep_alive", "\"5m\""), .wrong("keep_alive", "\"later\""),
        .same("user", "\"u\""), .same("metadata", #"{"a":"b"}"#), .same("store", "true"),
        .same("service_tier", "\"flex\""),
        FieldCase(
          "best_of", #""prompt":"x","best_of":1"#, .reaches(#"{"best_of":1}"#), path: "/v1/completions"),
        FieldCase("best_of", #""prompt":"x","best_of":2"#, .refused("best_of"), path: "/v1/completions"),
        FieldCase("echo", #""prompt":"x","echo":true"#, .refused("echo"), path: "/v1/completions"),
        FieldCase("suffix", #""prompt":"x","suffix":"y""#, .refused("suffix"), path: "/v1/completions"),
      ]
      for (field, right, wrongs) in [
        ("temperature", "0.5", ["5", "\"warm\"", "-1"]), ("top_p", "0.5", ["2"]), ("presence_penalty", "-1", ["3"]),
        ("frequency_penalty", "1", ["-3"]), ("max_tokens", "7", ["1.5", "-2"]), ("max_completion_tokens", "7", ["{}"]),
        ("n", "2", ["0", "1000"]), ("seed", "42", ["\"x\""]), ("top_k", "40", ["0.5"]), ("min_p", "0.1", ["2"]),
        ("repeat_penalty", "1.1", ["-1"]), ("n_predict", "5", ["\"5\""]),
      ] {
        cases.append(.same(field, right))
        cases += wrongs.map { .wrong(field, $0) }
      }
      let suite = FieldSuite(
        table: try DocumentTable("openai.md", "Chat completions and completions"), path: "/v1/chat/completions",
        base: [model, ("messages", #"[{"role":"user","content":"x"}]"#)], cases: cases)
      try await EchoEngine.with { engine in try await suite.run(on: engine) }
    }

    @Test func embeddingsRankingsAndScores() async throws {
      let model = ("model", "\"petrel/demo\"")
      let embeddings = FieldSuite(
        table: try DocumentTable("openai.md", "Embeddings"), path: "/v1/embeddings", base: [model, ("input", "\"x\"")],
        cases: [
          .same("input", "\"x\""), .same("input", #"["x","y"]"#), .same("input", "[1,2]"), .same("input", "[[1],[2]]"),
          .same("encoding_format", "\"float\""), .same("encoding_format", "\"base64\""),
          .wrong("encoding_format", "\"hex\""),
          FieldCase("dimensions", #""dimensions":2"#, .answers(#""embedding":[0.6,0.8]"#)),
          .wrong("dimensions", "0"), .wrong("dimensions", "\"2\""), .same("user", "\"u\""),
        ])
      let rankings = FieldSuite(
        table: try DocumentTable("openai.md", "Rankings and scores"), path: "/rerank",
        base: [model, ("query", "\"a\""), ("documents", #"["b"]"#)],
        cases: [
          .same("query", "\"a\""), .wrong("query", "3"), .same("documents", #"["b","c"]"#), .same("top_n", "1"),
          .wrong("top_n", "0"),
          FieldCase(
            "text_1", #""text_1":"a","text_2":["b"]"#, .reaches(#"{"query":"a","documents":["b"]}"#), path: "/score"),
          FieldCase("text_1", #""text_1":["a","b"],"text_2":"c""#, .refused("text_1"), path: "/score"),
          FieldCase("text_2", #""text_1":"a","text_2":"b""#, .reaches(#"{"documents":["b"]}"#), path: "/score"),
          FieldCase("text_2", #""text_1":"a","text_2":[]"#, .refused("text_2"), path: "/score"),
        ])
      try await EchoEngine.with { engine in
        try await embeddings.run(on: engine)
        try await rankings.run(on: engine)
      }
    }

    @Test func endpoints() async throws {
      let table = try DocumentTable("openai.md", "Endpoints")
      try await EchoEngine.with { engine in
        for row in table.rows {
          for name in row.names {
            let words = name.split(separator: " ")
            // `P` by itself is a word of the table.
            guard words.count == 2 else { continue }
            try await expectThere(words[0], String(words[1]), engine.daemon)
          }
        }
        for path in [
          "files", "batches", "fine_tuning/jobs", "moderations", "assistants", "images/generations", "audio/speech",
        ] {
          let answer = try await engine.daemon.curl("/v1/\(path)", body: "{}")
          #expect(answer.status == 404, "\(path)")
          #expect(try answer.json["error"]["message"].isText)
        }
      }
    }

    private func expectThere(_ method: Substring, _ path: String, _ daemon: Daemon) async throws {
      let path = path.replacing("{name}", with: "petrel/demo")
      let paths =
        path.hasPrefix("P") ? ["/v1", "/engines/v1", "/engines/llama.cpp/v1"].map { $0 + path.dropFirst() } : [path]
      for path in paths {
        let answer =
          method == "GET" ? try await daemon.curl(path) : try await daemon.curl(path, body: #"{"model":"petrel/demo"}"#)
        #expect(answer.status != 404 && answer.status != 405, "\(method) \(path): \(answer.body)")
      }
    }

    @Test func transcriptions() async throws {
      let table = try DocumentTable("openai.md", "Transcriptions")
      let cases: [(field: String, value: String, isTaken: Bool)] = [
        ("model", "petrel/demo", true), ("model", "", false), ("file", "", false), ("language", "en", true),
        ("prompt", "names: Nova", true), ("temperature", "0.2", true), ("temperature", "3", false),
        ("max_tokens", "20", true), ("max_tokens", "x", false), ("stream", "false", true), ("stream", "1", false),
        ("response_format", "json", true), ("response_format", "verbose_json", false), ("keep_alive", "5m", true),
        ("keep_alive", "later", false),
      ]
      #expect(Set(table.rows.flatMap(\.names)) == Set(cases.map(\.field)))
      try await EchoEngine.with { engine in
        try engine.daemon.scratch.write(SilentSound.wav, to: "a.wav")
        let sound = engine.daemon.scratch.folder.appending("a.wav").string
        for one in cases {
          var form: [String] = []
          if one.field != "model" { form.append("model=petrel/demo") }
          form.append("\(one.field)=\(one.value)")
          if one.field != "file" { form.append("file=@\(sound)") }
          let before = engine.count
          let finished = try await engine.daemon.scratch.run(
            "curl",
            ["-sS", "-w", "%{http_code}", engine.daemon.url + "/v1/audio/transcriptions"] + form.flatMap { ["-F", $0] })
          #expect(finished.output.hasSuffix(one.isTaken ? "200" : "400"), "\(one): \(finished.output)")
          #expect(engine.count == before + (one.isTaken ? 1 : 0))
          if one.isTaken { #expect(try engine.last().body.contains("RIFF....WAVE")) }
        }
      }
    }
  }
}
