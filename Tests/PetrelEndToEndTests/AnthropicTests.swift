// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// Anthropic's API, with a real engine.
  @Suite(.sharedDaemon) struct AnthropicTests {
    private static let tool =
      #""tools":[{"name":"get_weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"#
      + #""required":["city"]}}]"#

    private static func ask(_ text: String, _ more: String = "") -> String {
      #"{"model":"petrel/demo","max_tokens":200,"temperature":0,"messages":[{"role":"user","content":"\#(text)"}]\#(more)}"#
    }

    @Test(arguments: ["/anthropic/v1", "/v1", "/engines/v1", "/engines/llama.cpp/v1", "/exp/vDD4.40/anthropic/v1"])
    func answersAndCounts(base: String) async throws {
      let daemon = try SharedDaemon.current
      let answer = try await daemon.curl(base + "/messages", body: Self.ask("Say hello"))
      #expect(answer.status == 200)
      let message = try answer.json
      #expect(message["type"].string == "message")
      #expect(message["content"][0]["text"].string?.contains("Hello") == true)
      #expect(message["stop_reason"].string == "end_turn")
      let count = try await daemon.curl(base + "/messages/count_tokens", body: Self.ask("Say hello")).json
      let usage = message["usage"]
      let prompt = (usage["input_tokens"].number ?? 0) + (usage["cache_read_input_tokens"].number ?? 0)
      #expect(count["input_tokens"].number == prompt)
    }

    @Test func thinksAndCallsToolsInAStream() async throws {
      let answer = try await SharedDaemon.current.curl(
        "/v1/messages", body: Self.ask("What is the weather in Paris?", #","stream":true,\#(Self.tool)"#))
      let events = try answer.events
      let kinds = events.compactMap { $0["type"].string }
      #expect(kinds.first == "message_start" && kinds.contains("ping") && kinds.last == "message_stop")
      let starts = events.filter { $0["type"].string == "content_block_start" }.map { $0["content_block"] }
      #expect(starts.last?["type"].string == "tool_use")
      #expect(starts.last?["name"].string == "get_weather")
      let input = events.compactMap { $0["delta"]["partial_json"].string }.joined()
      #expect(try JSON(parsing: input)["city"].string == "Paris")
      let end = try #require(events.last { $0["type"].string == "message_delta" })
      #expect(end["delta"]["stop_reason"].string == "tool_use")
      #expect(end["usage"]["output_tokens"].number ?? 0 > 0)
      // Each block is closed before the next begins.
      var open = 0
      for kind in kinds {
        if kind == "content_block_start" { open += 1 }
        if kind == "content_block_stop" { open -= 1 }
        #expect(open == 0 || open == 1)
      }
    }

    @Test func listsAndDescribesModels() async throws {
      let daemon = try SharedDaemon.current
      let list = try await daemon.curl("/anthropic/v1/models").json
      #expect(list["data"][0]["id"].string == "docker.io/petrel/demo:latest")
      #expect(list["data"][0]["type"].string == "model")
      #expect(list["data"][0]["created_at"].string?.hasSuffix("Z") == true)
      #expect(try await daemon.curl("/anthropic/v1/models/petrel/demo").json == list["data"][0])
      let missing = try await daemon.curl("/anthropic/v1/models/nope")
      #expect(missing.status == 404)
      #expect(try missing.json["error"]["type"].string == "not_found_error")
    }

    @Test func stopsWhereItIsTold() async throws {
      let daemon = try SharedDaemon.current
      let calm = #","thinking":{"type":"disabled"}"#
      for stream in ["", #","stream":true"#] {
        let answer = try await daemon.curl(
          "/v1/messages", body: Self.ask("Say hello", #","stop_sequences":["nothing","help"]\#(calm)\#(stream)"#))
        #expect(answer.body.contains(#""stop_reason":"stop_sequence","stop_sequence":"help""#), "\(answer.body)")
      }
      let short = try await daemon.curl(
        "/v1/messages", body: Self.ask("Tell me about the fall of Rome.", #","max_tokens":3\#(calm)"#))
      #expect(try short.json["stop_reason"].string == "max_tokens")
    }

    @Test func mistakesAreToldInAnthropicsForm() async throws {
      let daemon = try SharedDaemon.current
      let pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
      let image = #"[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"\#(pixel)"}}]"#
      let long = String(repeating: "whales ", count: 5000)
      for (path, body, status, text) in [
        ("/v1/messages", #"{"model":"nope/x","max_tokens":1,"messages":[{"role":"user","content":"x"}]}"#, 404, "nope"),
        (
          "/v1/messages", #"{"model":"petrel/demo","messages":[{"role":"user","content":\#(image)}]}"#, 400, "projector"
        ),
        ("/anthropic/v1/messages", Self.ask(long), 400, "prompt is too long: "),
        ("/anthropic/v1/messages", "{", 400, "invalid request"),
        ("/anthropic/v1/nothing", "{}", 404, "not found"),
      ] {
        let answer = try await daemon.curl(path, body: body)
        #expect(answer.status == status, "\(answer.body)")
        #expect(try answer.json["type"].string == "error")
        #expect(try answer.json["error"]["message"].string?.contains(text) == true, "\(answer.body)")
      }
      #expect(try await daemon.curl("/v1/messages").status == 405)
    }

    /// As coding agents do it: the system prompt begins with a line that is never the same.
    @Test func aHeaderThatChangesDoesNotSpoilThePromptCache() async throws {
      let daemon = try SharedDaemon.current
      let rules = String(repeating: "Answer in one sentence. Be kind. ", count: 120)
      func turn(_ number: Int, _ messages: String) -> String {
        let system =
          #"[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1; cch=\#(number * 7919);"},"#
          + #"{"type":"text","text":"Current time: 12:00:0\#(number)\n\#(rules)","cache_control":{"type":"ephemeral"}}]"#
        return #"{"model":"petrel/demo","max_tokens":40,"temperature":0,"thinking":{"type":"disabled"},"#
          + #""system":\#(system),"messages":[\#(messages)]}"#
      }
      let first = #"{"role":"user","content":"Say hello"}"#
      let answer = try await daemon.curl("/v1/messages", body: turn(1, first)).json
      let text = try #require(answer["content"][0]["text"].string)
      let quoted = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      let second = first + #",{"role":"assistant","content":"\#(quoted)"},{"role":"user","content":"And again"}"#
      let usage = try await daemon.curl("/v1/messages", body: turn(2, second)).json["usage"]
      let reused = try #require(usage["cache_read_input_tokens"].number)
      let total = reused + (usage["input_tokens"].number ?? 0)
      #expect(total > 500)
      #expect(reused >= 0.95 * total, "\(reused) of \(total)")
      let records = try await daemon.curl("/engines/requests?model=petrel/demo").body
      #expect(records.contains("prompt rules: drop x-anthropic-billing-header:, move current time"), "\(records)")
    }
  }
}
