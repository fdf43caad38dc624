// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What a response object repeats of its request, with OpenAI's defaults for what was left out.
struct ResponseEcho: Sendable {
  private let request: JSONNode

  init(_ request: JSONNode) {
    // Neither the conversation nor what is not repeated is to be held while the engine works.
    self.request = .object(
      (request.members ?? []).filter { !["input", "stream", "include"].contains($0.name) }
        .map { JSONMember($0.name, $0.value.detached) })
  }

  private func value(_ name: String, _ fallback: JSONNode = .null) -> JSONNode { request.present(name) ?? fallback }

  private var text: JSONNode {
    let text = request.present("text")
    var members = [JSONMember("format", text?.present("format") ?? ["type": "text"])]
    if let verbosity = text?.present("verbosity") { members.append(JSONMember("verbosity", verbosity)) }
    return .object(members)
  }

  private var reasoning: JSONNode {
    let reasoning = request.present("reasoning")
    return [
      "effort": reasoning?.present("effort") ?? value("reasoning_effort"), "summary": reasoning?["summary"] ?? .null,
    ]
  }

  /// A response object.
  ///
  /// - Parameters:
  ///   - created: seconds since 1970.
  ///   - completed: seconds since 1970; nil before the end.
  func response(_ state: ResponseState, id: String, created: Int64, completed: Int64?) -> JSONNode {
    func time(_ value: Int64?) -> JSONNode { value.map { .number(String($0)) } ?? .null }
    return [
      "id": .string(id), "object": "response", "created_at": time(created), "status": .string(state.status.rawValue),
      "background": false, "completed_at": state.status == .completed ? time(completed) : .null,
      "error": state.error.map { ["code": .string($0.code), "message": .string($0.message)] } ?? .null,
      "incomplete_details": state.incompleteReason.map { ["reason": .string($0)] } ?? .null,
      "instructions": value("instructions"), "max_output_tokens": value("max_output_tokens"),
      "max_tool_calls": value("max_tool_calls"), "model": value("model"), "output": .array(state.output),
      "parallel_tool_calls": value("parallel_tool_calls", true), "previous_response_id": value("previous_response_id"),
      "prompt_cache_key": value("prompt_cache_key"), "reasoning": reasoning,
      "safety_identifier": value("safety_identifier"), "service_tier": "default", "store": value("store", true),
      "temperature": value("temperature"), "text": text, "tool_choice": value("tool_choice", "auto"),
      "tools": value("tools", []), "top_logprobs": 0, "top_p": value("top_p"), "truncation": "disabled",
      "usage": state.usage.map(Self.usage) ?? .null, "user": value("user"), "metadata": value("metadata", [:]),
    ]
  }

  /// - Parameter usage: of a chat completion.
  private static func usage(_ usage: JSONNode) -> JSONNode {
    func count(_ value: JSONNode?) -> JSONNode { .number(TokenCount.read(value)) }
    let prompt = TokenCount.read(usage["prompt_tokens"])
    let output = TokenCount.read(usage["completion_tokens"])
    return [
      "input_tokens": .number(prompt),
      "input_tokens_details": ["cached_tokens": count(usage["prompt_tokens_details"]?["cached_tokens"])],
      "output_tokens": .number(output),
      "output_tokens_details": ["reasoning_tokens": count(usage["completion_tokens_details"]?["reasoning_tokens"])],
      "total_tokens": .number(prompt + output),
    ]
  }
}

/// How far a response is.
struct ResponseState: Sendable {
  enum Status: String, Sendable {
    case inProgress = "in_progress"
    case completed, incomplete, failed, cancelled
  }

  var status = Status.inProgress
  /// Items that are complete.
  var output: [JSONNode] = []
  /// Of the chat completion.
  var usage: JSONNode?
  var incompleteReason: String?
  var error: (code: String, message: String)?

  /// The status that a chat completion's end means.
  mutating func end(finishReason: String?) {
    switch finishReason {
    case "length":
      status = .incomplete
      incompleteReason = "max_output_tokens"
    case "content_filter":
      status = .incomplete
      incompleteReason = "content_filter"
    default: status = .completed
    }
  }
}
