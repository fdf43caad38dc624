// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Every row of the tables in `docs/anthropic.md`.
  @Suite struct AnthropicFieldTests {
    private static let pixel =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    private static let base = [
      ("model", "\"petrel/demo\""), ("max_tokens", "9"), ("messages", #"[{"role":"user","content":"x"}]"#),
    ]
    private static let tool =
      #""tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true}]"#

    @Test func fields() async throws {
      var cases: [FieldCase] = [
        FieldCase("model", #""model":"docker.io/petrel/demo:latest""#, .reaches("{}")), .wrong("model", "3"),
        FieldCase(
          "messages",
          #""messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}]"#,
          .reaches(#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#)),
        .wrong("messages", "[]"), .wrong("messages", #"[{"role":"king","content":"x"}]"#),
        .same("max_tokens", "7"), .wrong("max_tokens", "0"),
        FieldCase("max_tokens", #""max_tokens":null"#, .reaches(#"{"max_tokens":4096}"#)),
        FieldCase(
          "system", #""system":"a""#, .reaches(#"{"messages":[{"role":"system","content":"a"},{"role":"user"}]}"#)),
        FieldCase(
          "system", #""system":[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#,
          .reaches(#"{"messages":[{"role":"system","content":"a\nb"},{"role":"user"}]}"#)),
        .wrong("system", "3"),
        FieldCase("stream", #""stream":false"#, .absent(["stream"])), .wrong("stream", "\"yes\""),
        .same("temperature", "1.5"), .wrong("temperature", "3"), .same("top_p", "0.5"), .wrong("top_p", "2"),
        .same("top_k", "5"), .wrong("top_k", "-1"),
        FieldCase("stop_sequences", #""stop_sequences":["a"]"#, .reaches(#"{"stop":["a"]}"#)),
        .wrong("stop_sequences", "[\"\"]"),
        FieldCase(
          "tools", Self.tool,
          .reaches(
            #"{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}]}"#
          )),
        .wrong("tools", #"[{"type":"web_search_20250305","name":"web_search"}]"#),
        .wrong("tools", #"[{"type":"bash_20250124","name":"bash"}]"#), .wrong("tools", #"[{"name":"f"}]"#),
        FieldCase(
          "tool_choice", Self.tool + #","tool_choice":{"type":"none","disable_parallel_tool_use":true}"#,
          .reaches(#"{"tool_choice":"none","parallel_tool_calls":false}"#)),
        FieldCase(
          "tool_choice", Self.tool + #","tool_choice":{"type":"any"}"#, .reaches(#"{"tool_choice":"required"}"#)),
        FieldCase("tool_choice", Self.tool + #","tool_choice":{"type":"auto"}"#, .reaches(#"{"tool_choice":"auto"}"#)),
        FieldCase(
          "tool_choice",
          #""tools":[{"name":"f","input_schema":{}},{"name":"g","input_schema":{}}],"tool_choice":{"type":"tool","name":"g"}"#,
          .reaches(#"{"tools":[{"function":{"name":"g"}}],"tool_choice":"required"}"#)),
        .wrong("tool_choice", #"{"type":"maybe"}"#),
        FieldCase(
          "thinking", #""thinking":{"type":"disabled"}"#,
          .reaches(#"{"chat_template_kwargs":{"enable_thinking":false}}"#)),
        FieldCase(
          "thinking", #""thinking":{"type":"enabled","budget_tokens":50}"#,
          .reaches(#"{"chat_template_kwargs":{"enable_thinking":true},"thinking_budget_tokens":50}"#)),
        FieldCase("thinking", #""thinking":{"type":"adaptive"}"#, .absent(["thinking", "chat_template_kwargs"])),
        .wrong("thinking", #"{"type":"sometimes"}"#),
        FieldCase(
          "output_config.format", #""output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}"#,
          .reaches(#"{"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}}}"#)),
        FieldCase(
          "output_config.format", #""output_config":{"format":{"type":"xml"}}"#, .refused("output_config.format")),
        FieldCase(
          "output_format", #""output_format":{"type":"json_schema","schema":{"type":"object"}}"#,
          .reaches(#"{"response_format":{"type":"json_schema"}}"#)),
        FieldCase(
          "output_config.effort", #""output_config":{"effort":"low"}"#, .reaches(#"{"reasoning_effort":"low"}"#)),
        FieldCase("cache_control", #""cache_control":{"type":"ephemeral"}"#, .absent(["cache_control"])),
        FieldCase(
          "cache_control",
          #""messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]"#,
          .reaches(#"{"messages":[{"role":"user","content":"a"}]}"#)),
        FieldCase("mcp_servers", #""mcp_servers":[]"#, .absent(["mcp_servers"])),
        .wrong("mcp_servers", #"[{"type":"url","url":"https://a.example"}]"#),
        FieldCase("keep_alive", #""keep_alive":"5m""#, .absent(["keep_alive"])), .wrong("keep_alive", "\"later\""),
        .same("min_p", "0.1"), .same("seed", "3"), .same("chat_template_kwargs", #"{"a":1}"#),
      ]
      for (name, value) in [
        ("metadata", #"{"user_id":"u"}"#), ("service_tier", "\"auto\""), ("container", "\"c\""),
        ("context_management", "{}"), ("inference_geo", "\"us\""), ("betas", #"["b"]"#),
      ] { cases.append(FieldCase(name, "\"\(name)\":\(value)", .absent([name]))) }
      let suite = FieldSuite(
        table: try DocumentTable("anthropic.md", "Fields of a request"), path: "/v1/messages", base: Self.base,
        cases: cases)
      try await EchoEngine.with { engine in try await suite.run(on: engine) }
    }

    @Test func blocks() async throws {
      @Sendable func user(_ block: String) -> String { #""messages":[{"role":"user","content":[\#(block)]}]"# }
      func said(_ block: String) -> String {
        #""messages":[{"role":"user","content":"x"},{"role":"assistant","content":[\#(block)]},{"role":"user","content":"y"}]"#
      }
      let suite = FieldSuite(
        table: try DocumentTable("anthropic.md", "Blocks"), path: "/v1/messages", base: Self.base,
        cases: [
          FieldCase(
            "text", user(#"{"type":"text","text":"a"},{"type":"text","text":"b"}"#),
            .reaches(#"{"messages":[{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#)),
          FieldCase("text", user(#"{"type":"text"}"#), .refused("text")),
          FieldCase(
            "image",
            user(#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"\#(Self.pixel)"}}"#),
            .reaches(
              #"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(Self.pixel)"}}]}]}"#
            )),
          FieldCase(
            "image", user(#"{"type":"image","source":{"type":"url","url":"https://a.example/x"}}"#), .refused("base64")),
          FieldCase(
            "document",
            user(#"{"type":"document","title":"t","source":{"type":"text","media_type":"text/plain","data":"d"}}"#),
            .reaches(#"{"messages":[{"content":"t\nd"}]}"#)),
          FieldCase(
            "document",
            user(#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA"}}"#),
            .refused("source.type")),
          FieldCase(
            "search_result",
            user(#"{"type":"search_result","title":"t","source":"s","content":[{"type":"text","text":"c"}]}"#),
            .reaches(#"{"messages":[{"content":"t\ns\nc"}]}"#)),
          FieldCase(
            "thinking", said(#"{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"}"#),
            .reaches(#"{"messages":[{},{"content":"a","reasoning_content":"hm"},{}]}"#)),
          FieldCase(
            "redacted_thinking", said(#"{"type":"redacted_thinking","data":"AA"},{"type":"text","text":"a"}"#),
            .reaches(#"{"messages":[{},{"content":"a"},{}]}"#)),
          FieldCase(
            "tool_use", said(#"{"type":"tool_use","id":"t","name":"f","input":{"a":1}}"#),
            .reaches(
              #"{"messages":[{},{"tool_calls":[{"id":"t","function":{"name":"f","arguments":"{\"a\":1}"}}]},{}]}"#)),
          FieldCase(
            "tool_result", user(#"{"type":"tool_result","tool_use_id":"t","content":"r","is_error":true}"#),
            .reaches(#"{"messages":[{"role":"tool","tool_call_id":"t","content":"The tool failed.\nr"}]}"#)),
        ])
      try await EchoEngine.with { engine in
        try await suite.run(on: engine)
        let other = try await engine.daemon.curl(
          "/v1/messages",
          body: #"{"model":"petrel/demo","max_tokens":9,\#(user(#"{"type":"hologram"}"#))}"#)
        #expect(other.status == 400 && other.body.contains("hologram"))
      }
    }

    @Test func endpoints() async throws {
      try await EchoEngine.with { engine in
        for prefix in ["", "/anthropic", "/engines", "/engines/llama.cpp"] {
          for path in ["messages", "messages/count_tokens"] {
            let answer = try await engine.daemon.curl(
              "\(prefix)/v1/\(path)",
              body: #"{"model":"petrel/demo","max_tokens":9,"messages":[{"role":"user","content":"x"}]}"#)
            #expect(answer.status == 200, "\(prefix) \(path): \(answer.body)")
            #expect(try answer.json[path == "messages" ? "type" : "input_tokens"] != .null)
          }
        }
        for path in ["", "/petrel/demo"] {
          #expect(try await engine.daemon.curl("/anthropic/v1/models" + path).status == 200)
        }
      }
    }
  }
}
