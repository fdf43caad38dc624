// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The chunks of a streamed completion, put together to the answer that would have come in one piece. Pure.
struct StreamedAnswer {
  private struct Chunk: Decodable {
    struct Choice: Decodable {
      struct Delta: Decodable {
        var content: String?
        var reasoning: String?
        var toolCalls: [ToolCall]?

        enum CodingKeys: String, CodingKey {
          case content
          case reasoning = "reasoning_content"
          case toolCalls = "tool_calls"
        }
      }
      var index: Int?
      var delta: Delta?
      var text: String?
      var finishReason: String?

      enum CodingKeys: String, CodingKey {
        case index, delta, text
        case finishReason = "finish_reason"
      }
    }
    struct ToolCall: Decodable {
      struct Function: Decodable {
        var name: String?
        var arguments: String?
      }
      var index: Int?
      var id: String?
      var function: Function?
    }
    var id: String?
    var created: Int64?
    var model: String?
    var choices: [Choice]?
    var usage: JSONNode?
    var error: JSONNode?
  }

  private struct Call {
    var id = ""
    var name = ""
    var arguments = ""
  }

  private struct Choice {
    var content = ""
    var reasoning = ""
    var calls: [Int: Call] = [:]
    var finishReason: String?
    var isText = false
  }

  private var id = ""
  private var created: Int64 = 0
  private var model = ""
  private var choices: [Int: Choice] = [:]
  private var usage: JSONNode?
  private var error: JSONNode?

  init(_ stream: ByteBuffer) {
    var decoder = SSEDecoder()
    var events = (try? decoder.decode(stream.readableBytesView)) ?? []
    if let last = try? decoder.finish() { events.append(last) }
    for event in events where event.data != "[DONE]" {
      guard let chunk = try? JSONDecoder().decode(Chunk.self, from: Data(event.data.utf8)) else { continue }
      add(chunk)
    }
  }

  private mutating func add(_ chunk: Chunk) {
    id = chunk.id ?? id
    created = chunk.created ?? created
    model = chunk.model ?? model
    usage = chunk.usage ?? usage
    error = chunk.error ?? error
    for part in chunk.choices ?? [] {
      var choice = choices[part.index ?? 0] ?? Choice()
      choice.content += part.delta?.content ?? part.text ?? ""
      choice.reasoning += part.delta?.reasoning ?? ""
      choice.isText = choice.isText || part.text != nil
      choice.finishReason = part.finishReason ?? choice.finishReason
      for call in part.delta?.toolCalls ?? [] {
        choice.calls[call.index ?? 0, default: Call()].id += call.id ?? ""
        choice.calls[call.index ?? 0, default: Call()].name += call.function?.name ?? ""
        choice.calls[call.index ?? 0, default: Call()].arguments += call.function?.arguments ?? ""
      }
      choices[part.index ?? 0] = choice
    }
  }

  /// The answer as JSON text, or the error that ended the stream.
  var folded: (response: String?, error: String?) {
    if let error { return (nil, RecordedBody.bounded(JSONNode.object([JSONMember("error", error)]).serialized())) }
    let isText = choices.values.contains { $0.isText }
    var members = [
      JSONMember("id", .string(id)), JSONMember("object", .string(isText ? "text_completion" : "chat.completion")),
      JSONMember("created", .number(String(created))), JSONMember("model", .string(model)),
      JSONMember("choices", .array(choices.sorted { $0.key < $1.key }.map { Self.node($0.key, $0.value) })),
    ]
    if let usage { members.append(JSONMember("usage", usage)) }
    return (RecordedBody.bounded(JSONNode.object(members).serialized()), nil)
  }

  private static func node(_ index: Int, _ choice: Choice) -> JSONNode {
    let reason = choice.finishReason.map(JSONNode.string) ?? .null
    if choice.isText {
      return .object([
        JSONMember("index", .number(String(index))), JSONMember("text", .string(choice.content)),
        JSONMember("finish_reason", reason),
      ])
    }
    var message = [JSONMember("role", .string("assistant")), JSONMember("content", .string(choice.content))]
    if !choice.reasoning.isEmpty { message.append(JSONMember("reasoning_content", .string(choice.reasoning))) }
    if !choice.calls.isEmpty {
      let calls = choice.calls.sorted { $0.key < $1.key }.map { _, call in
        JSONNode.object([
          JSONMember("id", .string(call.id)), JSONMember("type", .string("function")),
          JSONMember(
            "function",
            .object([
              JSONMember("name", .string(call.name)), JSONMember("arguments", .string(call.arguments)),
            ])),
        ])
      }
      message.append(JSONMember("tool_calls", .array(calls)))
    }
    return .object([
      JSONMember("index", .number(String(index))), JSONMember("message", .object(message)),
      JSONMember("finish_reason", reason),
    ])
  }
}
