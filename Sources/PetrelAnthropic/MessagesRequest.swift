// SPDX-License-Identifier: Apache-2.0

import PetrelPrompts
import PetrelWire

/// A request to Anthropic's Messages API, put into the words of OpenAI's chat completions, which every engine knows.
///
/// Source of the forms: Anthropic API documentation, "Messages" and "Count Message tokens". Fields that neither side
/// names are passed on as they are.
package struct MessagesRequest: Sendable {
  /// As the request wrote it.
  package let model: String
  package let isStream: Bool
  /// Whether an answer may end at a stop sequence of the client.
  package let hasStopSequences: Bool
  /// The names of the rules that changed the prompt.
  package let appliedRules: [String]
  /// For the engine.
  package let chat: JSONNode

  /// What the engine reads under the same name, or what is of no concern to it.
  private static let translated: Set<String> = [
    "model", "messages", "system", "max_tokens", "stop_sequences", "stream", "temperature", "top_p", "top_k", "tools",
    "tool_choice", "thinking", "output_config", "output_format", "metadata", "service_tier", "container",
    "context_management", "mcp_servers", "inference_geo", "cache_control", "betas", "keep_alive",
  ]

  /// - Parameters:
  ///   - isCount: the prompt is only to be counted, so that nothing but the prompt matters.
  ///   - rules: which lines of the prompt are not to stand at its beginning.
  package init(_ request: JSONNode, isCount: Bool = false, rules: PromptRules = .none) throws(MessagesError) {
    guard request.members != nil else { throw MessagesError("body", "must be a JSON object") }
    guard let model = request["model"]?.string, !model.isEmpty else {
      throw MessagesError("model", "is required and must be the name of a model")
    }
    self.model = model
    isStream = try Self.bool(request, "stream") ?? false
    var messages = try MessagesPrompt(request).messages
    appliedRules = rules.apply(to: &messages)
    var members = [JSONMember("model", .string(model)), JSONMember("messages", .array(messages))]
    members += try MessagesTools.members(request)
    members += try Self.thinking(request)
    let stops = try Self.stopSequences(request)
    hasStopSequences = !stops.isEmpty
    if !isCount {
      members += try Self.sampling(request)
      members += try Self.outputFormat(request)
      if !stops.isEmpty {
        members.append(JSONMember("stop", .array(stops)))
        // llama.cpp says in this way which of them ended the answer.
        members.append(JSONMember("verbose", true))
        members.append(JSONMember("response_fields", ["stopping_word"]))
      }
      if isStream {
        members.append(JSONMember("stream", true))
        members.append(JSONMember("stream_options", ["include_usage": true]))
        // Tells the size of the prompt before the first token, and that the engine is alive while it reads it.
        members.append(JSONMember("return_progress", true))
      }
    }
    let known = Self.translated.union(members.map(\.name))
    members += (request.members ?? []).filter { !known.contains($0.name) }
    chat = .object(members)
  }

  // MARK: Parts

  private static func sampling(_ request: JSONNode) throws(MessagesError) -> [JSONMember] {
    var members: [JSONMember] = []
    if let limit = request.present("max_tokens") {
      guard let count = limit.integer, count > 0 else {
        throw MessagesError("max_tokens", "must be a whole number above 0")
      }
      members.append(JSONMember("max_tokens", .number(count)))
    } else {
      members.append(JSONMember("max_tokens", .number(4096)))
    }
    for (name, range) in [("temperature", 0.0...2.0), ("top_p", 0.0...1.0)] {
      guard let value = request.present(name) else { continue }
      guard let number = value.double, range.contains(number) else {
        throw MessagesError(name, "must be a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
      }
      members.append(JSONMember(name, value))
    }
    if let value = request.present("top_k") {
      guard let count = value.integer, count >= 0 else {
        throw MessagesError("top_k", "must be a whole number, not below 0")
      }
      members.append(JSONMember("top_k", .number(count)))
    }
    return members
  }

  private static func stopSequences(_ request: JSONNode) throws(MessagesError) -> [JSONNode] {
    guard let value = request.present("stop_sequences") else { return [] }
    guard let stops = value.elements, stops.allSatisfy({ $0.string?.isEmpty == false }) else {
      throw MessagesError("stop_sequences", "must be an array of texts, none of them empty")
    }
    return stops
  }

  /// Templates of models know whether to think; llama.cpp knows for how long.
  private static func thinking(_ request: JSONNode) throws(MessagesError) -> [JSONMember] {
    var members: [JSONMember] = []
    if let effort = request.present("output_config")?.present("effort") {
      guard effort.isText else { throw MessagesError("output_config.effort", "must be a text") }
      members.append(JSONMember("reasoning_effort", effort))
    }
    guard let thinking = request.present("thinking") else { return members }
    var options = request.present("chat_template_kwargs")?.members ?? []
    options.removeAll { $0.name == "enable_thinking" }
    switch thinking["type"]?.string {
    case "disabled": options.append(JSONMember("enable_thinking", false))
    case "adaptive": return members
    case "enabled":
      options.append(JSONMember("enable_thinking", true))
      if let budget = thinking.present("budget_tokens") {
        guard let count = budget.integer, count > 0 else {
          throw MessagesError("thinking.budget_tokens", "must be a whole number above 0")
        }
        members.append(JSONMember("thinking_budget_tokens", .number(count)))
      }
    default: throw MessagesError("thinking.type", "must be enabled, disabled or adaptive")
    }
    return members + [JSONMember("chat_template_kwargs", .object(options))]
  }

  private static func outputFormat(_ request: JSONNode) throws(MessagesError) -> [JSONMember] {
    guard let format = request.present("output_config")?.present("format") ?? request.present("output_format") else {
      return []
    }
    guard format["type"]?.string == "json_schema", let schema = format["schema"], schema.members != nil else {
      throw MessagesError("output_config.format", "must have the type json_schema and a schema that is an object")
    }
    return [
      JSONMember(
        "response_format", ["type": "json_schema", "json_schema": ["name": "output", "schema": schema]])
    ]
  }

  static func bool(_ request: JSONNode, _ name: String) throws(MessagesError) -> Bool? {
    guard let value = request.present(name) else { return nil }
    guard let bool = value.bool else { throw MessagesError(name, "must be true or false") }
    return bool
  }
}
