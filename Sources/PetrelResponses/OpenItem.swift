// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// An item of the output that still grows, and the events that tell of it.
struct OpenItem: Sendable {
  enum Kind: Sendable, Equatable {
    case reasoning, message
    /// With the call's index in the engine's answer.
    case call(Int)
  }

  struct Event {
    let name: String
    let members: [JSONMember]
  }

  let kind: Kind
  private let id: String
  private var callID = ""
  private var name = ""
  private var text = ""

  private init(kind: Kind, id: String) {
    self.kind = kind
    self.id = id
  }

  static func reasoning(id: String) -> OpenItem { OpenItem(kind: .reasoning, id: id) }
  static func message(id: String) -> OpenItem { OpenItem(kind: .message, id: id) }

  static func call(_ index: Int, id: String, callID: String, name: String) -> OpenItem {
    var item = OpenItem(kind: .call(index), id: id)
    item.callID = callID
    item.name = name
    return item
  }

  /// The item as it is now.
  func node(isComplete: Bool) -> JSONNode {
    let status: JSONNode = isComplete ? "completed" : "in_progress"
    switch kind {
    case .reasoning:
      return [
        "id": .string(id), "type": "reasoning", "summary": [], "content": isComplete ? [part] : [],
        "encrypted_content": nil, "status": status,
      ]
    case .message:
      return [
        "id": .string(id), "type": "message", "status": status, "role": "assistant",
        "content": isComplete ? [part] : [],
      ]
    case .call:
      return [
        "id": .string(id), "type": "function_call", "status": status, "call_id": .string(callID),
        "name": .string(name), "arguments": .string(isComplete ? text : ""),
      ]
    }
  }

  private var part: JSONNode { part(text) }

  private func part(_ text: String) -> JSONNode {
    kind == .message
      ? ["type": "output_text", "annotations": [], "logprobs": [], "text": .string(text)]
      : ["type": "reasoning_text", "text": .string(text)]
  }

  // MARK: Events

  /// - Parameter index: of the item in the output.
  func opening(at index: Int) -> [Event] {
    let added = Event(
      name: "response.output_item.added",
      members: [JSONMember("output_index", .number(index)), JSONMember("item", node(isComplete: false))])
    if case .call = kind { return [added] }
    return [
      added,
      Event(name: "response.content_part.added", members: place(index) + [JSONMember("part", part(""))]),
    ]
  }

  mutating func add(_ more: String, at index: Int) -> Event {
    text += more
    var members = place(index) + [JSONMember("delta", .string(more))]
    if kind == .message { members.append(JSONMember("logprobs", [])) }
    return Event(name: "response.\(stem).delta", members: members)
  }

  func closing(at index: Int) -> [Event] {
    var members = place(index)
    var events: [Event] = []
    if case .call = kind {
      members += [JSONMember("name", .string(name)), JSONMember("arguments", .string(text))]
      events.append(Event(name: "response.\(stem).done", members: members))
    } else {
      members.append(JSONMember("text", .string(text)))
      if kind == .message { members.append(JSONMember("logprobs", [])) }
      events.append(Event(name: "response.\(stem).done", members: members))
      events.append(
        Event(name: "response.content_part.done", members: place(index) + [JSONMember("part", part)]))
    }
    events.append(
      Event(
        name: "response.output_item.done",
        members: [JSONMember("output_index", .number(index)), JSONMember("item", node(isComplete: true))]))
    return events
  }

  private var stem: String {
    switch kind {
    case .reasoning: "reasoning_text"
    case .message: "output_text"
    case .call: "function_call_arguments"
    }
  }

  private func place(_ index: Int) -> [JSONMember] {
    let members = [JSONMember("item_id", .string(id)), JSONMember("output_index", .number(index))]
    if case .call = kind { return members }
    return members + [JSONMember("content_index", 0)]
  }
}
