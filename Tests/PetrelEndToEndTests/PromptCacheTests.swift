// SPDX-License-Identifier: Apache-2.0

import Testing

extension EndToEnd {
  /// The second turn of a conversation whose system prompt begins with text that is never the same. One after the other:
  /// together the prompts would not fit into the cache of the engine.
  @Suite(.serialized, .sharedDaemon) struct PromptCacheTests {
    private struct Turn {
      let path: String
      /// Puts a turn into the words of the dialect: its system prompt, and the conversation as members of an array.
      let body: @Sendable (_ system: String, _ messages: String) -> String
      let text: @Sendable (JSON) -> String?
      /// Tokens that were reused, and all of the prompt.
      let tokens: @Sendable (JSON) -> (reused: Double?, all: Double?)
    }

    private static let quiet = #""chat_template_kwargs":{"enable_thinking":false},"temperature":0"#

    private static func turn(_ dialect: String) -> Turn {
      switch dialect {
      case "chat completions":
        Turn(
          path: "/v1/chat/completions",
          body: { system, messages in
            #"{"model":"petrel/demo","max_tokens":40,\#(quiet),"messages":[{"role":"system","content":"\#(system)"},\#(messages)]}"#
          }, text: { $0["choices"][0]["message"]["content"].string },
          tokens: {
            ($0["usage"]["prompt_tokens_details"]["cached_tokens"].number, $0["usage"]["prompt_tokens"].number)
          })
      case "Responses":
        Turn(
          path: "/v1/responses",
          body: { system, messages in
            #"{"model":"petrel/demo","max_output_tokens":40,\#(quiet),"instructions":"\#(system)","input":[\#(messages)]}"#
          }, text: { $0["output"].elements.last?["content"][0]["text"].string },
          tokens: {
            ($0["usage"]["input_tokens_details"]["cached_tokens"].number, $0["usage"]["input_tokens"].number)
          })
      case "Anthropic":
        Turn(
          path: "/v1/messages",
          body: { system, messages in
            #"{"model":"petrel/demo","max_tokens":40,\#(quiet),"system":"\#(system)","messages":[\#(messages)]}"#
          }, text: { $0["content"][0]["text"].string },
          tokens: { answer in
            let reused = answer["usage"]["cache_read_input_tokens"].number
            return (reused, reused.flatMap { reused in answer["usage"]["input_tokens"].number.map { $0 + reused } })
          })
      default:
        Turn(
          path: "/api/chat",
          body: { system, messages in
            #"{"model":"petrel/demo","stream":false,"think":false,"options":{"temperature":0,"num_predict":40},"#
              + #""messages":[{"role":"system","content":"\#(system)"},\#(messages)]}"#
          }, text: { $0["message"]["content"].string },
          tokens: { ($0["prompt_cached_count"].number, $0["prompt_eval_count"].number) })
      }
    }

    @Test(arguments: ["chat completions", "Responses", "Anthropic", "Ollama"])
    func nearlyAllOfThePromptIsReused(dialect: String) async throws {
      let daemon = try SharedDaemon.current
      let turn = Self.turn(dialect)
      let rules = String(repeating: "Answer in one sentence. Be kind. ", count: 120)
      func system(_ number: Int) -> String {
        #"x-anthropic-billing-header: cch=\#(number * 7919);\nCurrent time: 12:00:0\#(number)\n\#(dialect): \#(rules)"#
      }
      let first = #"{"role":"user","content":"Say hello"}"#
      let answer = try await daemon.curl(turn.path, body: turn.body(system(1), first))
      #expect(answer.status == 200)
      let text = try #require(turn.text(try answer.json), "\(answer.body)")
      let quoted = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      let second = first + #",{"role":"assistant","content":"\#(quoted)"},{"role":"user","content":"And again"}"#
      let next = try await daemon.curl(turn.path, body: turn.body(system(2), second))
      let tokens = turn.tokens(try next.json)
      let reused = try #require(tokens.reused, "\(next.body)")
      let all = try #require(tokens.all, "\(next.body)")
      #expect(all > 500)
      #expect(reused >= 0.95 * all, "\(reused) of \(all)")
      let records = try await daemon.curl("/engines/requests?model=petrel/demo").body
      #expect(records.contains("prompt rules: drop x-anthropic-billing-header:, move current time"), "\(records)")
    }
  }
}
