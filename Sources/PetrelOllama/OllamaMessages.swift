// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Puts the messages of a conversation into OpenAI's form: images become parts, arguments of tool calls become text, and
/// calls and results, which Ollama's clients match by name and order, get ids.
struct OllamaMessages {
  private struct Call {
    let id: String
    let name: String
  }

  private static let known: Set<String> = [
    "role", "content", "images", "tool_calls", "tool_name", "tool_call_id", "thinking", "name",
  ]

  private(set) var messages: [JSONNode] = []
  private static let maximumUnanswered = 256
  private var unanswered: [Call] = []
  private var callCount = 0

  init(_ value: JSONNode) throws(OllamaError) {
    guard let elements = value.elements else { throw OllamaError("messages must be an array") }
    for element in elements { messages.append(.object(try translated(element))) }
  }

  private mutating func translated(_ message: JSONNode) throws(OllamaError) -> [JSONMember] {
    guard let given = message.members else { throw OllamaError("each message must be an object") }
    guard let role = try OllamaRequest.text("role", message), !role.isEmpty else {
      throw OllamaError("each message needs a role")
    }
    var members = [JSONMember("role", .string(role)), JSONMember("content", try content(message))]
    if let thinking = try OllamaRequest.text("thinking", message), !thinking.isEmpty {
      members.append(JSONMember("reasoning_content", .string(thinking)))
    }
    if let calls = message["tool_calls"], !calls.isNull {
      guard let elements = calls.elements else { throw OllamaError("tool_calls must be an array") }
      var translated: [JSONNode] = []
      for element in elements { translated.append(try call(element)) }
      if !translated.isEmpty { members.append(JSONMember("tool_calls", .array(translated))) }
    }
    if role == "tool" { members += try answer(message) }
    return members + given.filter { !Self.known.contains($0.name) }
  }

  private func content(_ message: JSONNode) throws(OllamaError) -> JSONNode {
    let images = try OllamaImage.parts(message["images"])
    let content = message["content"] ?? .null
    switch content {
    // Parts, as OpenAI's clients send them.
    case .array(let parts): return .array(parts + images)
    case .null: return images.isEmpty ? "" : .array(images)
    case .text(let text):
      guard !images.isEmpty else { return content }
      let part: JSONNode = ["type": "text", "text": content]
      return .array((text.isEmpty ? [] : [part]) + images)
    default: throw OllamaError("content must be a string")
    }
  }

  private mutating func call(_ node: JSONNode) throws(OllamaError) -> JSONNode {
    guard let function = node["function"], let name = function["name"]?.string else {
      throw OllamaError("each of tool_calls needs a function with a name")
    }
    let arguments: String
    switch function["arguments"] {
    case nil, .null: arguments = "{}"
    case .text(let text): arguments = text.value
    case .some(let value): arguments = String(decoding: value.bytes, as: UTF8.self)
    }
    callCount += 1
    let id = node["id"]?.string ?? "call_\(callCount)"
    // Answers to calls that lie so far back find the others.
    if unanswered.count >= Self.maximumUnanswered { unanswered.removeFirst(unanswered.count / 2) }
    unanswered.append(Call(id: id, name: name))
    return .object([
      JSONMember("id", .string(id)), JSONMember("type", .string("function")),
      JSONMember(
        "function",
        .object([JSONMember("name", .string(name)), JSONMember("arguments", .string(arguments))])),
    ])
  }

  /// Which call a tool's result answers: the one it names, else the first of that tool, else the first of all.
  private mutating func answer(_ message: JSONNode) throws(OllamaError) -> [JSONMember] {
    let toolName = try OllamaRequest.text("tool_name", message)
    let otherName = try OllamaRequest.text("name", message)
    let name = toolName ?? otherName
    let given = try OllamaRequest.text("tool_call_id", message)
    let index =
      unanswered.firstIndex { $0.id == given } ?? unanswered.firstIndex { $0.name == name }
      ?? unanswered.indices.first
    let call = index.map { unanswered.remove(at: $0) }
    var members: [JSONMember] = []
    if let id = given ?? call?.id { members.append(JSONMember("tool_call_id", .string(id))) }
    if let name = name ?? call?.name { members.append(JSONMember("name", .string(name))) }
    return members
  }
}
