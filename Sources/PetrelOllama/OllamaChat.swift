// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// `POST /api/chat` as a chat completion.
package struct OllamaChat: Sendable {
  private static let names = OllamaRequest.commonNames.union([
    "messages", "tools", "format", "think", "chat_template_kwargs", "logprobs", "top_logprobs", "truncate", "shift",
    "stream_options", "response_format",
  ])

  package let request: OllamaRequest
  /// For the engine; nil when there are no messages, and the model is only to be loaded or unloaded.
  package let body: [UInt8]?

  package init(_ request: OllamaRequest) throws(OllamaError) {
    self.request = request
    guard let given = request.document["messages"], !given.isNull, given.elements?.isEmpty != true else {
      body = nil
      return
    }
    body = try Self.body(request, messages: OllamaMessages(given).messages, without: Self.names)
  }

  /// - Parameter names: members of the request that do not go to the engine as they are.
  static func body(
    _ request: OllamaRequest, messages: [JSONNode], without names: Set<String>
  ) throws(OllamaError) -> [UInt8] {
    let document = request.document
    var members = [JSONMember("model", .string(request.model)), JSONMember("messages", .array(messages))]
    if let tools = document["tools"], !tools.isNull {
      guard let elements = tools.elements else { throw OllamaError("tools must be an array") }
      if !elements.isEmpty { members.append(JSONMember("tools", tools)) }
    }
    let thinking = try OllamaThinking(document["think"])
    if let arguments = thinking.merged(with: document["chat_template_kwargs"]) {
      members.append(JSONMember("chat_template_kwargs", arguments))
    }
    if let format = try OllamaFormat(document["format"]).responseFormat {
      members.append(JSONMember("response_format", format))
    }
    members += try logprobs(document)
    return finished(members, request, without: names)
  }

  /// - Throws: ``OllamaError``.
  private static func logprobs(_ document: JSONNode) throws(OllamaError) -> [JSONMember] {
    var members: [JSONMember] = []
    guard try OllamaRequest.flag("logprobs", document) == true else { return [] }
    members.append(JSONMember("logprobs", .bool(true)))
    if let count = document["top_logprobs"], !count.isNull {
      guard let number = count.integer, (0...20).contains(number) else {
        throw OllamaError("top_logprobs must be a number from 0 to 20")
      }
      members.append(JSONMember("top_logprobs", count))
    }
    return members
  }

  /// Adds what every request to an engine has: how to answer, the options, and what is passed on.
  static func finished(
    _ members: [JSONMember], _ request: OllamaRequest, without names: Set<String>
  ) -> [UInt8] {
    var members = members
    members.append(JSONMember("stream", .bool(request.isStream)))
    if request.isStream {
      members.append(JSONMember("stream_options", .object([JSONMember("include_usage", .bool(true))])))
    }
    for more in [request.options.members, request.passedOn(without: names)] {
      let taken = Set(members.map(\.name))
      members += more.filter { !taken.contains($0.name) }
    }
    return JSONNode.object(members).bytes
  }
}
