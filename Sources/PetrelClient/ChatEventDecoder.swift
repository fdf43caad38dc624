// SPDX-License-Identifier: Apache-2.0

import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decodes the events of a streamed chat completion, or a completion that came in one piece.
package struct ChatEventDecoder: Sendable {
  /// Whether the answer came to its end, and not just to the end of the connection.
  package private(set) var isComplete = false

  package init() {}

  package mutating func decode(_ event: SSEEvent) throws(ClientError) -> [ChatEvent] {
    if event.data == "[DONE]" {
      isComplete = true
      return []
    }
    return try decode(completion: event.data)
  }

  /// - Parameter completion: the JSON of a chunk or of a whole completion.
  package mutating func decode(completion: String) throws(ClientError) -> [ChatEvent] {
    let data = Data(completion.utf8)
    let body: ChatCompletionBody
    do {
      body = try JSONDecoder().decode(ChatCompletionBody.self, from: data)
    } catch {
      throw ClientError(
        .unexpectedAnswer, "the model's answer cannot be read: \(ErrorBody.excerpt(of: completion.utf8.prefix(300)))")
    }
    guard let choices = body.choices else {
      throw ClientError(.stream, ErrorBody.message(in: data) ?? "the engine reported an error without a message")
    }
    var events: [ChatEvent] = []
    if let choice = choices.first {
      let delta = choice.delta ?? choice.message
      if let reasoning = delta?.reasoning, !reasoning.isEmpty { events.append(.reasoning(reasoning)) }
      if let content = delta?.content, !content.isEmpty { events.append(.content(content)) }
      if choice.finishReason != nil { isComplete = true }
    }
    if let usage = body.usage { events.append(.usage(usage)) }
    return events
  }
}

/// The parts of a completion or of one of its chunks that are shown.
private struct ChatCompletionBody: Decodable {
  struct Choice: Decodable {
    var delta: Delta?
    var message: Delta?
    var finishReason: String?

    enum CodingKeys: String, CodingKey {
      case delta, message
      case finishReason = "finish_reason"
    }
  }

  struct Delta: Decodable {
    var content: String?
    var reasoning: String?

    enum CodingKeys: String, CodingKey {
      case content
      case reasoning = "reasoning_content"
    }
  }

  /// Absent in an error.
  var choices: [Choice]?
  var usage: ChatUsage?
}
