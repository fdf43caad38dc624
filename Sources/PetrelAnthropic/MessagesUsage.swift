// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Counts of tokens, as the engine reports them, in Anthropic's words: there `input_tokens` is what was not cached.
struct MessagesUsage: Sendable, Equatable {
  var prompt = 0
  var cached = 0
  var output = 0

  init() {}

  /// - Parameter usage: `usage` of a chat completion.
  init(_ usage: JSONNode) {
    prompt = TokenCount.read(usage["prompt_tokens"])
    cached = min(prompt, TokenCount.read(usage["prompt_tokens_details"]?["cached_tokens"]))
    output = TokenCount.read(usage["completion_tokens"])
  }

  /// - Parameter progress: `prompt_progress` of llama.cpp.
  init(progress: JSONNode) {
    prompt = TokenCount.read(progress["total"])
    cached = min(prompt, TokenCount.read(progress["cache"]))
  }

  var node: JSONNode {
    [
      "input_tokens": .number(prompt - cached), "cache_creation_input_tokens": 0,
      "cache_read_input_tokens": .number(cached), "output_tokens": .number(output),
    ]
  }
}

/// Why an answer ended.
struct MessagesStop: Sendable, Equatable {
  let reason: JSONNode
  let sequence: JSONNode

  /// - Parameter word: the stop sequence at which the engine stopped.
  init(finishReason: String?, word: String?) {
    if finishReason == "stop", let word, !word.isEmpty {
      reason = "stop_sequence"
      sequence = .string(word)
      return
    }
    sequence = nil
    reason =
      switch finishReason {
      case "length": "max_tokens"
      case "tool_calls", "function_call": "tool_use"
      case "content_filter": "refusal"
      default: "end_turn"
      }
  }
}
