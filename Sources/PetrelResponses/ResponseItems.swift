// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Items of a conversation: what the user said, what the model thought, said and called, what tools returned.
enum ResponseItems {
  /// The input of a request as items, each with an id.
  static func input(_ value: JSONNode?, newID: (String) -> String) throws(ResponsesError) -> [JSONNode] {
    guard let value else { return [] }
    if value.isText {
      return [
        [
          "id": .string(newID("msg")), "type": "message", "status": "completed", "role": "user",
          "content": [["type": "input_text", "text": value]],
        ]
      ]
    }
    guard let items = value.elements else { throw ResponsesError("input", "must be a text or an array of items") }
    var result: [JSONNode] = []
    for (index, item) in items.enumerated() {
      guard var members = item.members else { throw ResponsesError("input[\(index)]", "must be a JSON object") }
      if item.present("type") == nil {
        guard item["role"] != nil else { throw ResponsesError("input[\(index)].type", "is required") }
        members.removeAll { $0.name == "type" }
        members.insert(JSONMember("type", "message"), at: 0)
      }
      if item["id"]?.string == nil {
        members.removeAll { $0.name == "id" }
        members.insert(JSONMember("id", .string(newID(prefix(item)))), at: 0)
      }
      result.append(.object(members))
    }
    return result
  }

  private static func prefix(_ item: JSONNode) -> String {
    switch item["type"]?.string {
    case "function_call": "fc"
    case "function_call_output": "fco"
    case "reasoning": "rs"
    default: "msg"
    }
  }

  /// The items as messages of chat completions: thoughts, words and calls of one turn are one message.
  ///
  /// - Parameter isHistory: how many of the items are those of earlier turns, for the places in errors.
  static func messages(of items: [JSONNode], isHistory count: Int) throws(ResponsesError) -> [JSONNode] {
    var messages: [JSONNode] = []
    var turn = AssistantTurn()
    for (index, item) in items.enumerated() {
      let place = index < count ? "previous_response_id" : "input[\(index - count)]"
      switch item["type"]?.string {
      case "message" where item["role"]?.string == "assistant":
        if turn.hasText { turn.flush(into: &messages) }
        turn.text = try text(item["content"] ?? .null, "\(place).content")
      case "reasoning":
        if turn.hasText || turn.hasCalls { turn.flush(into: &messages) }
        turn.thoughts += reasoning(item)
      case "function_call": turn.calls.append(try call(item, place))
      case "message":
        turn.flush(into: &messages)
        messages.append(try message(item, place))
      case "function_call_output":
        turn.flush(into: &messages)
        messages.append(try output(item, place))
      case "item_reference":
        throw ResponsesError("\(place).type", "item_reference is not supported; send the item, or previous_response_id")
      case let type:
        throw ResponsesError("\(place).type", "\(type ?? "") is nothing that models here read")
      }
    }
    turn.flush(into: &messages)
    return messages
  }

  private struct AssistantTurn {
    var thoughts = ""
    var text: String?
    var calls: [JSONNode] = []

    var hasText: Bool { text != nil }
    var hasCalls: Bool { !calls.isEmpty }

    mutating func flush(into messages: inout [JSONNode]) {
      defer { self = AssistantTurn() }
      // Thoughts alone belong to nothing that was said.
      guard hasText || hasCalls else { return }
      var members = [JSONMember("role", "assistant"), JSONMember("content", .string(text ?? ""))]
      if !thoughts.isEmpty { members.append(JSONMember("reasoning_content", .string(thoughts))) }
      if hasCalls { members.append(JSONMember("tool_calls", .array(calls))) }
      messages.append(.object(members))
    }
  }

  // MARK: One item

  private static func message(_ item: JSONNode, _ place: String) throws(ResponsesError) -> JSONNode {
    guard let role = item["role"]?.string, ["user", "system", "developer"].contains(role) else {
      throw ResponsesError("\(place).role", "must be user, assistant, system or developer")
    }
    let content = item["content"] ?? .null
    // Templates of models know no developers.
    let chatRole: JSONNode = role == "user" ? "user" : "system"
    if content.isText { return ["role": chatRole, "content": content] }
    guard let parts = content.elements else {
      throw ResponsesError("\(place).content", "must be a text or an array of parts")
    }
    var chatParts: [JSONNode] = []
    for (index, part) in parts.enumerated() {
      chatParts.append(try Self.part(part, "\(place).content[\(index)]"))
    }
    return ["role": chatRole, "content": joined(chatParts)]
  }

  private static func part(_ part: JSONNode, _ place: String) throws(ResponsesError) -> JSONNode {
    switch part["type"]?.string {
    case "input_text", "text", "output_text":
      guard let text = part["text"]?.string else { throw ResponsesError("\(place).text", "is required") }
      return ["type": "text", "text": .string(text)]
    case "input_image", "image_url":
      let url = part["image_url"]?.string ?? part["image_url"]?["url"]?.string
      guard let url, url.hasPrefix("data:") else {
        throw ResponsesError("\(place).image_url", "must be a data URL: images are not fetched from the net")
      }
      return ["type": "image_url", "image_url": ["url": .string(url)]]
    case let type:
      throw ResponsesError("\(place).type", "\(type ?? "") is nothing that models here read")
    }
  }

  /// A single text, or nothing but texts, is a string, which the templates of all models know.
  private static func joined(_ parts: [JSONNode]) -> JSONNode {
    let texts = parts.compactMap { $0["text"]?.string }
    return texts.count == parts.count ? .string(texts.joined(separator: "\n")) : .array(parts)
  }

  private static func text(_ content: JSONNode, _ place: String) throws(ResponsesError) -> String {
    if let text = content.string { return text }
    var texts: [String] = []
    for (index, part) in (content.elements ?? []).enumerated() {
      guard let text = part["text"]?.string ?? part["refusal"]?.string else {
        throw ResponsesError("\(place)[\(index)]", "must be a part with text")
      }
      texts.append(text)
    }
    return texts.joined(separator: "\n")
  }

  private static func reasoning(_ item: JSONNode) -> String {
    let content = (item["content"]?.elements ?? []).compactMap { $0["text"]?.string }
    if !content.isEmpty { return content.joined(separator: "\n") }
    return (item["summary"]?.elements ?? []).compactMap { $0["text"]?.string }.joined(separator: "\n")
  }

  private static func call(_ item: JSONNode, _ place: String) throws(ResponsesError) -> JSONNode {
    guard let id = item["call_id"]?.string, let name = item["name"]?.string else {
      throw ResponsesError(place, "needs call_id and name")
    }
    return [
      "id": .string(id), "type": "function",
      "function": ["name": .string(name), "arguments": .string(item["arguments"]?.string ?? "{}")],
    ]
  }

  private static func output(_ item: JSONNode, _ place: String) throws(ResponsesError) -> JSONNode {
    guard let id = item["call_id"]?.string else { throw ResponsesError("\(place).call_id", "is required") }
    let output = item["output"] ?? ""
    var content = output
    if let parts = output.elements {
      var chatParts: [JSONNode] = []
      for (index, part) in parts.enumerated() {
        chatParts.append(try Self.part(part, "\(place).output[\(index)]"))
      }
      content = joined(chatParts)
    } else if !output.isText {
      content = .string(output.serialized())
    }
    return ["role": "tool", "tool_call_id": .string(id), "content": content]
  }
}
