// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Puts the answer to `/api/chat` or `/api/generate` into Ollama's words: a line for each piece of a stream, or one
/// object for the whole.
package struct OllamaAnswer: Sendable {
  enum Shape: Sendable {
    case chat
    /// - Parameter conversation: the turns so far, for the context that goes with the answer; empty for none.
    case generate(conversation: [JSONNode])
  }

  /// An error that the engine reports in the midst of its stream.
  package struct EngineFailure: Error, Sendable, Equatable {
    /// An HTTP status, as the engine gives it.
    package let status: Int
    package let message: String
  }

  /// One piece of an answer.
  private struct Piece {
    var content = ""
    var thinking = ""
    var calls: [JSONNode] = []
    var logprobs: JSONNode?

    var isEmpty: Bool { content.isEmpty && thinking.isEmpty && calls.isEmpty && logprobs == nil }
  }

  private static let bytesOfDone = Array(#","done":false}"#.utf8) + [0x0A]

  private let shape: Shape
  /// The beginning of every line, up to the time.
  private let opening: [UInt8]
  private var figures: OllamaFigures
  private var calls = OllamaToolCalls()
  private var finishReason: String?
  /// What has been answered so far, where it is to be part of a context.
  private var text = ""

  package init(_ chat: OllamaChat, at moment: OllamaMoment) {
    self.init(.chat, model: chat.request.model, at: moment)
  }

  package init(_ generate: OllamaGenerate, at moment: OllamaMoment) {
    self.init(.generate(conversation: generate.conversation), model: generate.request.model, at: moment)
  }

  private init(_ shape: Shape, model: String, at moment: OllamaMoment) {
    self.shape = shape
    var opening = Array(#"{"model":"#.utf8)
    JSONString.append(model, to: &opening)
    opening += Array(#","created_at":""#.utf8)
    self.opening = opening
    figures = OllamaFigures(started: moment)
  }

  package mutating func modelIsLoaded(at moment: OllamaMoment) { figures.modelIsLoaded(at: moment) }

  // MARK: Streams

  /// Appends the line for one chunk, if it says anything.
  package mutating func add(
    _ chunk: JSONNode, at moment: OllamaMoment, into output: inout [UInt8]
  ) throws(EngineFailure) {
    var piece = try read(chunk, "delta")
    if !piece.isEmpty || !calls.isEmpty { figures.tokenCame(at: moment) }
    piece.calls = finishReason == nil ? calls.takeComplete() : calls.takeAll()
    if !piece.isEmpty { append(piece, at: moment, done: nil, to: &output) }
  }

  /// Appends the last line of a stream.
  package mutating func finish(at moment: OllamaMoment, into output: inout [UInt8]) {
    let left = Piece(calls: calls.takeAll())
    if !left.isEmpty { append(left, at: moment, done: nil, to: &output) }
    append(Piece(), at: moment, done: closing(at: moment), to: &output)
  }

  // MARK: Whole answers

  /// The answer for one that came in one piece.
  package mutating func whole(_ document: JSONNode, at moment: OllamaMoment) throws(EngineFailure) -> [UInt8] {
    var piece = try read(document, "message")
    piece.calls = calls.takeAll()
    var output: [UInt8] = []
    append(piece, at: moment, done: closing(at: moment), to: &output)
    return output
  }

  /// The answer to a request without a prompt.
  package func withoutPrompt(unloads: Bool, at moment: OllamaMoment) -> [UInt8] {
    var output: [UInt8] = []
    let reason = JSONMember("done_reason", .string(unloads ? "unload" : "load"))
    append(Piece(), at: moment, done: [reason], to: &output)
    return output
  }

  // MARK: Reading

  /// - Parameter part: `delta` or `message`.
  private mutating func read(_ document: JSONNode, _ part: String) throws(EngineFailure) -> Piece {
    if let error = document["error"] {
      throw EngineFailure(
        status: error["code"]?.integer ?? 500,
        message: error["message"]?.string ?? error.string ?? "the engine reported an error")
    }
    figures.read(document)
    var piece = Piece()
    if let choice = document["choices"]?.elements?.first(where: { ($0["index"]?.integer ?? 0) == 0 }) {
      let message = choice[part]
      piece.content = message?["content"]?.string ?? choice["text"]?.string ?? ""
      piece.thinking = message?["reasoning_content"]?.string ?? ""
      if let pieces = message?["tool_calls"]?.elements { calls.add(pieces) }
      if let tokens = choice["logprobs"]?["content"], tokens.elements?.isEmpty == false { piece.logprobs = tokens }
      finishReason = choice["finish_reason"]?.string ?? finishReason
    } else if let content = document["content"]?.string {
      // llama.cpp's own words, which its infill endpoint speaks alone.
      piece.content = content
      if document["stop"]?.bool == true { finishReason = document["stop_type"]?.string == "limit" ? "length" : "stop" }
    }
    if case .generate(let conversation) = shape, !conversation.isEmpty { text += piece.content }
    return piece
  }

  // MARK: Writing

  private func closing(at moment: OllamaMoment) -> [JSONMember] {
    var members = [JSONMember("done_reason", .string(finishReason == "length" ? "length" : "stop"))]
    if case .generate(let conversation) = shape, !conversation.isEmpty {
      let answer = JSONNode.object([
        JSONMember("role", .string("assistant")), JSONMember("content", .string(text)),
      ])
      members.append(JSONMember("context", OllamaContext.encode(conversation + [answer])))
    }
    return members + figures.members(at: moment)
  }

  /// - Parameter done: the further members of a last line; nil for any other.
  private func append(_ piece: Piece, at moment: OllamaMoment, done: [JSONMember]?, to output: inout [UInt8]) {
    output += opening
    moment.append(to: &output)
    switch shape {
    case .chat:
      output += #"","message":{"role":"assistant","content":"#.utf8
      JSONString.append(piece.content, to: &output)
      appendThinking(piece, to: &output)
      if !piece.calls.isEmpty {
        output += #","tool_calls":"#.utf8
        JSONNode.array(piece.calls).append(to: &output)
      }
      output.append(UInt8(ascii: "}"))
    case .generate:
      output += #"","response":"#.utf8
      JSONString.append(piece.content, to: &output)
      appendThinking(piece, to: &output)
    }
    if let logprobs = piece.logprobs {
      output += #","logprobs":"#.utf8
      logprobs.append(to: &output)
    }
    guard let done else {
      output += Self.bytesOfDone
      return
    }
    output += #","done":true"#.utf8
    for member in done {
      output.append(UInt8(ascii: ","))
      JSONString.append(member.name, to: &output)
      output.append(UInt8(ascii: ":"))
      member.value.append(to: &output)
    }
    output += [UInt8(ascii: "}"), 0x0A]
  }

  private func appendThinking(_ piece: Piece, to output: inout [UInt8]) {
    guard !piece.thinking.isEmpty else { return }
    output += #","thinking":"#.utf8
    JSONString.append(piece.thinking, to: &output)
  }
}
