// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Every row of the tables in `docs/responses.md`.
  @Suite struct ResponsesFieldTests {
    private static let pixel =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    private static let base = [("model", "\"petrel/demo\""), ("input", "\"x\"")]
    private static let flat = #""tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]"#
    private static let nested = #""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]"#

    @Test func fields() async throws {
      var cases: [FieldCase] = [
        FieldCase("model", #""model":"petrel/demo:latest""#, .reaches("{}")), .wrong("model", "\"\""),
        FieldCase("input", #""input":"a""#, .reaches(#"{"messages":[{"role":"user","content":"a"}]}"#)),
        FieldCase(
          "input", #""input":[{"role":"user","content":"a"}]"#,
          .reaches(#"{"messages":[{"role":"user","content":"a"}]}"#)),
        .wrong("input", "3"), .wrong("input", "null"),
        FieldCase(
          "instructions", #""instructions":"i""#,
          .reaches(#"{"messages":[{"role":"system","content":"i"},{"role":"user"}]}"#)),
        .wrong("instructions", "3"),
        .wrong("previous_response_id", "\"resp_nothing\""), .wrong("previous_response_id", "3"),
        FieldCase("store", #""store":false"#, .answers(#""store":false"#)), .wrong("store", "1"),
        FieldCase("stream", #""stream":false"#, .absent(["stream"])), .wrong("stream", "1"),
        .same("temperature", "0.5"), .wrong("temperature", "3"), .same("top_p", "0.5"), .wrong("top_p", "-1"),
        FieldCase("max_output_tokens", #""max_output_tokens":7"#, .reaches(#"{"max_tokens":7}"#)),
        .wrong("max_output_tokens", "0"),
        FieldCase("tools", Self.flat, .reaches(#"{"tools":[{"type":"function","function":{"name":"f"}}]}"#)),
        FieldCase("tools", Self.nested, .reaches(#"{"tools":[{"type":"function","function":{"name":"f"}}]}"#)),
        .wrong("tools", #"[{"type":"web_search"}]"#),
        FieldCase("tool_choice", Self.flat + #","tool_choice":"none""#, .reaches(#"{"tool_choice":"none"}"#)),
        FieldCase(
          "tool_choice",
          #""tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}],"tool_choice":{"type":"function","name":"g"}"#,
          .reaches(#"{"tools":[{"function":{"name":"g"}}],"tool_choice":"required"}"#)),
        .wrong("tool_choice", "\"maybe\""),
        FieldCase(
          "parallel_tool_calls", Self.flat + #","parallel_tool_calls":false"#,
          .reaches(#"{"parallel_tool_calls":false}"#)),
        .wrong("parallel_tool_calls", "1"),
        FieldCase(
          "text.format", #""text":{"format":{"type":"json_object"}}"#,
          .reaches(#"{"response_format":{"type":"json_object"}}"#)),
        FieldCase(
          "text.format", #""text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}}"#,
          .reaches(#"{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}"#)
        ),
        FieldCase("text.format", #""text":{"format":{"type":"xml"}}"#, .refused("text.format.type")),
        FieldCase("reasoning.effort", #""reasoning":{"effort":"low"}"#, .reaches(#"{"reasoning_effort":"low"}"#)),
        FieldCase(
          "reasoning.effort", #""reasoning":{"effort":"none"}"#,
          .reaches(#"{"chat_template_kwargs":{"enable_thinking":false}}"#)),
        FieldCase("reasoning.summary", #""reasoning":{"summary":"auto"}"#, .answers(#""summary":"auto""#)),
        FieldCase("text.verbosity", #""text":{"verbosity":"low"}"#, .answers(#""verbosity":"low""#)),
        FieldCase("metadata", #""metadata":{"a":"b"}"#, .answers(#""metadata":{"a":"b"}"#)),
        FieldCase("user", #""user":"u""#, .answers(#""user":"u""#)),
        FieldCase("safety_identifier", #""safety_identifier":"s""#, .answers(#""safety_identifier":"s""#)),
        FieldCase("prompt_cache_key", #""prompt_cache_key":"k""#, .answers(#""prompt_cache_key":"k""#)),
        FieldCase("max_tool_calls", #""max_tool_calls":3"#, .answers(#""max_tool_calls":3"#)),
        FieldCase("include", #""include":["reasoning.encrypted_content"]"#, .absent(["include"])),
        .wrong("include", #"["file_search_call.results"]"#),
        FieldCase("truncation", #""truncation":"disabled""#, .absent(["truncation"])), .wrong("truncation", "\"auto\""),
        FieldCase("background", #""background":false"#, .absent(["background"])), .wrong("background", "true"),
        .wrong("conversation", "\"conv_1\""), .wrong("prompt", #"{"id":"p"}"#), .wrong("top_logprobs", "3"),
        FieldCase("keep_alive", #""keep_alive":"5m""#, .absent(["keep_alive"])), .wrong("keep_alive", "\"later\""),
        .same("min_p", "0.1"), .same("seed", "3"), .same("chat_template_kwargs", #"{"a":1}"#),
      ]
      for (name, value) in [
        ("service_tier", "\"auto\""), ("prompt_cache_retention", "\"24h\""), ("context_management", "[]"),
        ("stream_options", "{}"),
      ] { cases.append(FieldCase(name, "\"\(name)\":\(value)", .absent([name]))) }
      let suite = FieldSuite(
        table: try DocumentTable("responses.md", "Fields of a request"), path: "/v1/responses", base: Self.base,
        cases: cases)
      try await EchoEngine.with { engine in try await suite.run(on: engine) }
    }

    @Test func items() async throws {
      func content(_ part: String, role: String = "user") -> String {
        #""input":[{"type":"message","role":"\#(role)","content":[\#(part)]},{"role":"user","content":"y"}]"#
      }
      let suite = FieldSuite(
        table: try DocumentTable("responses.md", "Items"), path: "/v1/responses", base: Self.base,
        cases: [
          FieldCase(
            "message", #""input":[{"type":"message","role":"developer","content":"d"},{"role":"user","content":"u"}]"#,
            .reaches(#"{"messages":[{"role":"system","content":"d"},{"role":"user","content":"u"}]}"#)),
          FieldCase(
            "input_text", content(#"{"type":"input_text","text":"a"}"#),
            .reaches(#"{"messages":[{"role":"user","content":"a"},{}]}"#)),
          FieldCase(
            "output_text", content(#"{"type":"output_text","text":"a"}"#, role: "assistant"),
            .reaches(#"{"messages":[{"role":"assistant","content":"a"},{}]}"#)),
          FieldCase(
            "refusal", content(#"{"type":"refusal","refusal":"no"}"#, role: "assistant"),
            .reaches(#"{"messages":[{"role":"assistant","content":"no"},{}]}"#)),
          FieldCase(
            "input_image", content(#"{"type":"input_image","image_url":"data:image/png;base64,\#(Self.pixel)"}"#),
            .reaches(#"{"messages":[{"content":[{"type":"image_url"}]},{}]}"#)),
          FieldCase(
            "input_image", content(#"{"type":"input_image","image_url":"https://a.example/x.png"}"#),
            .refused("image_url")),
          FieldCase(
            "function_call",
            #""input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"r"}]"#,
            .reaches(
              #"{"messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},{"role":"tool"}]}"#
            )),
          FieldCase(
            "function_call_output",
            #""input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"r"}]}]"#,
            .reaches(#"{"messages":[{"role":"tool","tool_call_id":"c","content":"r"}]}"#)),
          FieldCase(
            "reasoning",
            #""input":[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},{"role":"assistant","content":"a"},{"role":"user","content":"y"}]"#,
            .reaches(#"{"messages":[{"role":"assistant","content":"a","reasoning_content":"hm"},{}]}"#)),
          FieldCase("item_reference", #""input":[{"type":"item_reference","id":"i"}]"#, .refused("item_reference")),
          FieldCase("input_file", content(#"{"type":"input_file","file_id":"f"}"#), .refused("input_file")),
        ])
      try await EchoEngine.with { engine in
        try await suite.run(on: engine)
        let tool = try await engine.daemon.curl(
          "/v1/responses", body: #"{"model":"petrel/demo","input":[{"type":"web_search_call","id":"w"}]}"#)
        #expect(tool.status == 400 && tool.body.contains("web_search_call"))
      }
    }

    @Test func endpoints() async throws {
      try await EchoEngine.with { engine in
        for prefix in ["", "/v1", "/engines", "/engines/v1", "/engines/llama.cpp/v1"] {
          let base = prefix + "/responses"
          let made = try await engine.daemon.curl(base, body: #"{"model":"petrel/demo","input":"x"}"#)
          let id = try #require(try made.json["id"].string)
          let next = try await engine.daemon.curl(
            base, body: #"{"model":"petrel/demo","input":"y","previous_response_id":"\#(id)"}"#)
          #expect(next.status == 200)
          #expect(try JSON(parsing: try engine.last().body)["messages"].elements.count == 3)
          #expect(try await engine.daemon.curl("\(base)/\(id)").json["id"].string == id)
          #expect(try await engine.daemon.curl("\(base)/\(id)/input_items").json["data"].elements.count == 1)
          // It is complete.
          #expect(try await engine.daemon.curl("\(base)/\(id)/cancel", body: "").status == 400)
          #expect(try await engine.daemon.curl("\(base)/\(id)", options: "-X", "DELETE").status == 200)
          #expect(try await engine.daemon.curl("\(base)/\(id)").status == 404)
        }
      }
    }
  }
}
