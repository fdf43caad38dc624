// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts
import PetrelWire

/// A request to OpenAI's Responses API, put into the words of chat completions, which every engine knows.
///
/// Source of the forms: OpenAI API reference, "Responses". Fields that neither side names are passed on as they are.
package struct ResponsesRequest: Sendable {
  /// As the request wrote it.
  package let model: String
  package let isStream: Bool
  /// Whether the response is kept for later requests.
  package let isStored: Bool
  package let previousID: String?
  /// The request's own input as items, each with an id.
  package let input: [JSONNode]
  /// The names of the rules that changed the prompt.
  package let appliedRules: [String]
  /// For the engine.
  package let chat: JSONNode
  /// What the response object repeats of the request.
  let echo: ResponseEcho

  /// What the engine reads under another name, or what is of no concern to it.
  private static let translated: Set<String> = [
    "model", "input", "instructions", "previous_response_id", "stream", "stream_options", "store", "tools",
    "tool_choice", "text", "reasoning", "max_output_tokens", "max_tool_calls", "metadata", "user", "include",
    "truncation", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "background",
    "conversation", "prompt", "top_logprobs", "keep_alive", "context_management", "parallel_tool_calls", "temperature",
    "top_p",
  ]

  /// - Parameters:
  ///   - history: the items of all earlier turns, in their order.
  ///   - rules: which lines of the prompt are not to stand at its beginning.
  ///   - newID: makes ids of items that came without one.
  package init(
    _ request: JSONNode, history: [JSONNode] = [], rules: PromptRules = .none, newID: (String) -> String
  ) throws(ResponsesError) {
    guard request.members != nil else { throw ResponsesError("the body", "must be a JSON object") }
    guard let model = request["model"]?.string, !model.isEmpty else {
      throw ResponsesError("model", "is required and must be the name of a model")
    }
    try ResponsesRefusals.check(request)
    self.model = model
    isStream = try Self.bool(request, "stream") ?? false
    isStored = try Self.bool(request, "store") ?? true
    previousID = request.present("previous_response_id")?.string
    input = try ResponseItems.input(request.present("input"), newID: newID)
    var messages: [JSONNode] = []
    if let instructions = request.present("instructions") {
      guard let text = instructions.string else { throw ResponsesError("instructions", "must be a text") }
      if !text.isEmpty { messages.append(["role": "system", "content": .string(text)]) }
    }
    messages += try ResponseItems.messages(of: history + input, isHistory: history.count)
    guard !messages.isEmpty else { throw ResponsesError("input", "is required: a text, or an array of items") }
    appliedRules = rules.apply(to: &messages)
    echo = ResponseEcho(request)

    var members = [JSONMember("model", .string(model)), JSONMember("messages", .array(messages))]
    members += try ResponsesTools.members(request)
    members += try Self.sampling(request)
    members += try Self.reasoning(request)
    members += try ResponsesFormat.members(request)
    if isStream {
      members.append(JSONMember("stream", true))
      members.append(JSONMember("stream_options", ["include_usage": true]))
    }
    let known = Self.translated.union(members.map(\.name))
    members += (request.members ?? []).filter { !known.contains($0.name) }
    chat = .object(members)
  }

  private static func sampling(_ request: JSONNode) throws(ResponsesError) -> [JSONMember] {
    var members: [JSONMember] = []
    for (name, range) in [("temperature", 0.0...2.0), ("top_p", 0.0...1.0)] {
      guard let value = request.present(name) else { continue }
      guard let number = value.double, range.contains(number) else {
        throw ResponsesError(name, "must be a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
      }
      members.append(JSONMember(name, value))
    }
    if let value = request.present("max_output_tokens") {
      guard let count = value.integer, count > 0 else {
        throw ResponsesError("max_output_tokens", "must be a whole number above 0")
      }
      members.append(JSONMember("max_tokens", .number(count)))
    }
    return members
  }

  /// Templates of models know whether to think; some know how hard.
  private static func reasoning(_ request: JSONNode) throws(ResponsesError) -> [JSONMember] {
    guard let effort = request.present("reasoning")?.present("effort") ?? request.present("reasoning_effort") else {
      return []
    }
    guard let text = effort.string else { throw ResponsesError("reasoning.effort", "must be a text") }
    guard text == "none" else { return [JSONMember("reasoning_effort", effort)] }
    var options = request.present("chat_template_kwargs")?.members ?? []
    options.removeAll { $0.name == "enable_thinking" }
    options.append(JSONMember("enable_thinking", false))
    return [JSONMember("reasoning_effort", effort), JSONMember("chat_template_kwargs", .object(options))]
  }

  static func bool(_ request: JSONNode, _ name: String) throws(ResponsesError) -> Bool? {
    guard let value = request.present(name) else { return nil }
    guard let bool = value.bool else { throw ResponsesError(name, "must be true or false") }
    return bool
  }
}
