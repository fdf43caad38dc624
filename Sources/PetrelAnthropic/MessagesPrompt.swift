// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// System prompt and conversation of a request, as chat completions have them.
struct MessagesPrompt {
  private var system: JSONNode?
  private var conversation: [JSONNode] = []

  init(_ request: JSONNode) throws(MessagesError) {
    system = try Self.system(request.present("system"))
    guard let messages = request["messages"]?.elements, !messages.isEmpty else {
      throw MessagesError("messages", "is required and must be an array with at least one message")
    }
    for (index, message) in messages.enumerated() { try add(message, "messages.\(index)") }
  }

  var messages: [JSONNode] {
    guard case .text(let system) = system, !system.isEmpty else { return conversation }
    return [["role": "system", "content": .text(system)]] + conversation
  }

  // MARK: System

  private static func system(_ value: JSONNode?) throws(MessagesError) -> JSONNode? {
    guard let value, !value.isText else { return value }
    guard let blocks = value.elements else { throw MessagesError("system", "must be a text or an array of blocks") }
    var texts: [JSONNode] = []
    for (index, block) in blocks.enumerated() {
      guard block["type"]?.string == "text", let text = block["text"], text.isText else {
        throw MessagesError("system.\(index)", "must be a block of the type text")
      }
      texts.append(text)
    }
    return MessagesBlocks.joined(texts)
  }

  // MARK: Messages

  private static let roles = ["user", "assistant", "system"]

  private mutating func add(_ message: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) {
    guard let role = message["role"]?.string, Self.roles.contains(role) else {
      throw MessagesError("\(place()).role", "must be user or assistant")
    }
    guard let content = message.present("content") else { throw MessagesError("\(place()).content", "is required") }
    if content.isText {
      conversation.append(["role": .string(role), "content": content])
      return
    }
    guard let blocks = content.elements else {
      throw MessagesError("\(place()).content", "must be a text or an array of blocks")
    }
    if role == "assistant" {
      conversation.append(try MessagesBlocks.assistant(blocks, "\(place()).content"))
    } else {
      try addUser(role, blocks, "\(place()).content")
    }
  }

  /// Results of tools are messages of their own; what stands between them keeps its place.
  private mutating func addUser(
    _ role: String, _ blocks: [JSONNode], _ place: @autoclosure () -> String
  ) throws(MessagesError) {
    var parts: [JSONNode] = []
    func flush() {
      guard !parts.isEmpty else { return }
      conversation.append(["role": .string(role), "content": MessagesBlocks.content(parts)])
      parts = []
    }
    for (index, block) in blocks.enumerated() {
      if block["type"]?.string == "tool_result" {
        flush()
        conversation.append(try MessagesBlocks.toolResult(block, "\(place()).\(index)"))
      } else {
        parts.append(try MessagesBlocks.part(block, "\(place()).\(index)"))
      }
    }
    flush()
    if blocks.isEmpty { conversation.append(["role": .string(role), "content": ""]) }
  }
}
