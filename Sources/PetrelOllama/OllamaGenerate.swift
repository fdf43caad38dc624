// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// `POST /api/generate`: one turn of a chat, a completion of bare text, or what goes between two texts.
package struct OllamaGenerate: Sendable {
  /// What the engine is asked.
  package enum Way: Sendable, Equatable {
    /// A chat completion.
    case chat
    /// A completion of the prompt as it is.
    case raw
    /// What stands between prompt and suffix.
    case infill
  }

  private static let names = OllamaRequest.commonNames.union([
    "prompt", "suffix", "system", "template", "context", "raw", "images", "format", "think", "chat_template_kwargs",
    "logprobs", "top_logprobs", "truncate", "shift", "stream_options", "response_format", "messages", "tools",
    "width", "height", "steps",
  ])

  package let request: OllamaRequest
  package let way: Way
  /// For the engine; nil when there is no prompt, and the model is only to be loaded or unloaded.
  package let body: [UInt8]?
  /// Of a chat, to be given back as context with the answer.
  let conversation: [JSONNode]

  package init(_ request: OllamaRequest) throws(OllamaError) {
    self.request = request
    let document = request.document
    let prompt = try OllamaRequest.text("prompt", document) ?? ""
    let suffix = try OllamaRequest.text("suffix", document) ?? ""
    if let template = try OllamaRequest.text("template", document), !template.isEmpty {
      throw OllamaError(
        "template is not supported: models bring a Jinja template, which Go's can't replace; use raw with a prompt that "
          + "is formatted already")
    }
    let images = try OllamaImage.parts(document["images"])
    let isRaw = try OllamaRequest.flag("raw", document) ?? false
    way = !suffix.isEmpty ? .infill : isRaw ? .raw : .chat
    guard !prompt.isEmpty || !suffix.isEmpty || !images.isEmpty else {
      (body, conversation) = (nil, [])
      return
    }
    guard way == .chat || images.isEmpty else {
      throw OllamaError("images can't be used with raw or suffix: it is the model's template that places them")
    }
    switch way {
    case .chat:
      let messages = try Self.messages(document, prompt: prompt)
      conversation = messages
      body = try OllamaChat.body(
        request, messages: Self.adding(images, to: messages), without: Self.names)
    case .raw:
      conversation = []
      body = OllamaChat.finished(
        [JSONMember("model", .string(request.model)), JSONMember("prompt", .string(prompt))]
          + (try Self.schema(document)), request, without: Self.names)
    case .infill:
      conversation = []
      body = OllamaChat.finished(
        [JSONMember("input_prefix", .string(prompt)), JSONMember("input_suffix", .string(suffix))]
          + (try Self.schema(document)), request, without: Self.names)
    }
  }

  private static func schema(_ document: JSONNode) throws(OllamaError) -> [JSONMember] {
    try OllamaFormat(document["format"]).schema.map { [JSONMember("json_schema", $0)] } ?? []
  }

  /// The conversation that the context holds, the system prompt of this request, and its prompt.
  private static func messages(_ document: JSONNode, prompt: String) throws(OllamaError) -> [JSONNode] {
    func message(_ role: String, _ text: String) -> JSONNode {
      .object([JSONMember("role", .string(role)), JSONMember("content", .string(text))])
    }
    var messages = try OllamaContext.decode(document["context"])
    if let system = try OllamaRequest.text("system", document), !system.isEmpty {
      messages.removeAll { $0["role"]?.string == "system" }
      messages.insert(message("system", system), at: 0)
    }
    return messages + [message("user", prompt)]
  }

  private static func adding(_ images: [JSONNode], to messages: [JSONNode]) -> [JSONNode] {
    guard !images.isEmpty, let last = messages.last else { return messages }
    let text = last["content"]?.string ?? ""
    let part = JSONNode.object([JSONMember("type", .string("text")), JSONMember("text", .string(text))])
    let content = JSONNode.array((text.isEmpty ? [] : [part]) + images)
    return messages.dropLast() + [.object([JSONMember("role", .string("user")), JSONMember("content", content)])]
  }
}
