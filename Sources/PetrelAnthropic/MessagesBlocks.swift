// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Content blocks, as chat completions have them.
enum MessagesBlocks {
  /// One text of several, a line for each. A single one, as most are, is passed on unread.
  static func joined(_ texts: [JSONNode]) -> JSONNode {
    if texts.count == 1 { return texts[0] }
    return .string(texts.compactMap(\.string).joined(separator: "\n"))
  }

  /// A single text is a string, which the templates of all models know.
  static func content(_ parts: [JSONNode]) -> JSONNode {
    if parts.count == 1, parts[0]["type"]?.string == "text", let text = parts[0]["text"] { return text }
    return .array(parts)
  }

  // MARK: User

  static func part(_ block: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) -> JSONNode {
    switch block["type"]?.string {
    case "text":
      return ["type": "text", "text": try text("text", of: block, place())]
    case "image": return ["type": "image_url", "image_url": ["url": .string(try imageURL(block, place()))]]
    case "document": return ["type": "text", "text": .string(try document(block, place()))]
    case "search_result": return ["type": "text", "text": .string(try searchResult(block, place()))]
    case let type:
      throw MessagesError(
        "\(place()).type", "\(type.map { "\"\($0)\" is" } ?? "no type is") nothing that models here read")
    }
  }

  private static func imageURL(_ block: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) -> String {
    let source = block["source"] ?? .null
    switch source["type"]?.string {
    case "base64":
      guard let data = source["data"]?.string, let type = source["media_type"]?.string, type.hasPrefix("image/") else {
        throw MessagesError("\(place()).source", "must have data in base64 and a media_type such as image/png")
      }
      return "data:\(type);base64,\(data)"
    case "url":
      if let url = source["url"]?.string, url.hasPrefix("data:") { return url }
      throw MessagesError("\(place()).source", "images are not fetched from the net; send the image as base64")
    default:
      throw MessagesError("\(place()).source.type", "must be base64; files of Anthropic's are not here")
    }
  }

  private static func document(_ block: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) -> String {
    let source = block["source"] ?? .null
    let text: String
    switch source["type"]?.string {
    case "text":
      guard let data = source["data"]?.string else { throw MessagesError("\(place()).source.data", "is required") }
      text = data
    case "content": text = try texts(source["content"] ?? .null, "\(place()).source.content")
    default: throw MessagesError("\(place()).source.type", "only documents of the types text and content can be read")
    }
    return [block["title"]?.string, block["context"]?.string, text].compactMap { $0 }.joined(separator: "\n")
  }

  private static func searchResult(
    _ block: JSONNode, _ place: @autoclosure () -> String
  ) throws(MessagesError) -> String {
    let text = try texts(block["content"] ?? .null, "\(place()).content")
    return [block["title"]?.string, block["source"]?.string, text].compactMap { $0 }.joined(separator: "\n")
  }

  private static func texts(_ content: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) -> String {
    if let text = content.string { return text }
    var texts: [String] = []
    for (index, block) in (content.elements ?? []).enumerated() {
      guard let text = block["text"]?.string else { throw MessagesError("\(place()).\(index)", "must be a text block") }
      texts.append(text)
    }
    return texts.joined(separator: "\n")
  }

  static func toolResult(_ block: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) -> JSONNode {
    guard let id = block["tool_use_id"]?.string else { throw MessagesError("\(place()).tool_use_id", "is required") }
    var parts: [JSONNode] = []
    if let text = block["content"], text.isText {
      parts = [["type": "text", "text": text]]
    } else {
      for (index, part) in (block.present("content")?.elements ?? []).enumerated() {
        parts.append(try Self.part(part, "\(place()).content.\(index)"))
      }
    }
    // Chat completions have no other place for it, and the model should know.
    if block["is_error"]?.bool == true { parts.insert(["type": "text", "text": "The tool failed."], at: 0) }
    return [
      "role": "tool", "tool_call_id": .string(id), "content": parts.isEmpty ? "" : content(withJoinedTexts(parts)),
    ]
  }

  /// Results without images are one text, as many templates print them as they are.
  private static func withJoinedTexts(_ parts: [JSONNode]) -> [JSONNode] {
    guard parts.count > 1 else { return parts }
    let texts = parts.compactMap { $0["text"] }
    guard texts.count == parts.count else { return parts }
    return [["type": "text", "text": joined(texts)]]
  }

  // MARK: Assistant

  static func assistant(_ blocks: [JSONNode], _ place: @autoclosure () -> String) throws(MessagesError) -> JSONNode {
    var texts: [JSONNode] = []
    var thinking: [JSONNode] = []
    var calls: [JSONNode] = []
    for (index, block) in blocks.enumerated() {
      switch block["type"]?.string {
      case "text": texts.append(try text("text", of: block, "\(place()).\(index)"))
      case "thinking": if let text = block["thinking"], text.isText { thinking.append(text) }
      // Only the model that wrote it can read it.
      case "redacted_thinking": break
      case "tool_use": calls.append(try call(block, "\(place()).\(index)"))
      case let type:
        throw MessagesError(
          "\(place()).\(index).type", "\(type.map { "\"\($0)\" is" } ?? "no type is") nothing that models here say")
      }
    }
    var members = [JSONMember("role", "assistant"), JSONMember("content", joined(texts))]
    if !thinking.isEmpty { members.append(JSONMember("reasoning_content", joined(thinking))) }
    if !calls.isEmpty { members.append(JSONMember("tool_calls", .array(calls))) }
    return .object(members)
  }

  private static func text(
    _ name: String, of block: JSONNode, _ place: @autoclosure () -> String
  ) throws(MessagesError) -> JSONNode {
    guard let text = block[name], text.isText else { throw MessagesError("\(place()).\(name)", "is required") }
    return text
  }

  private static func call(_ block: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) -> JSONNode {
    guard let id = block["id"]?.string, let name = block["name"]?.string else {
      throw MessagesError(place(), "a tool_use needs id and name")
    }
    let input = block["input"] ?? [:]
    guard input.members != nil else { throw MessagesError("\(place()).input", "must be a JSON object") }
    return [
      "id": .string(id), "type": "function",
      "function": [
        "name": .string(name), "arguments": .string(String(decoding: input.bytes, as: UTF8.self)),
      ],
    ]
  }
}
