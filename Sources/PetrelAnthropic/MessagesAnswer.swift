// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Puts chat completions that came in one piece into Anthropic's form.
package enum MessagesAnswer {
  /// A `message`. Nil when `completion` is none.
  ///
  /// - Parameter model: as the request wrote it.
  package static func message(_ completion: JSONNode, model: String) -> JSONNode? {
    guard let choice = completion["choices"]?.elements?.first, let message = choice["message"] else { return nil }
    var content: [JSONNode] = []
    if let thinking = message["reasoning_content"]?.string, !thinking.isEmpty {
      content.append(["type": "thinking", "thinking": .string(thinking), "signature": ""])
    }
    if let text = message["content"]?.string, !text.isEmpty {
      content.append(["type": "text", "text": .string(text)])
    }
    for call in message["tool_calls"]?.elements ?? [] {
      content.append([
        "type": "tool_use", "id": .string(call["id"]?.string ?? ""),
        "name": .string(call["function"]?["name"]?.string ?? ""),
        "input": input(call["function"]?["arguments"]?.string ?? ""),
      ])
    }
    let stop = MessagesStop(
      finishReason: choice["finish_reason"]?.string, word: completion["__verbose"]?["stopping_word"]?.string)
    return [
      "id": .string(id(completion["id"]?.string)), "type": "message", "role": "assistant", "model": .string(model),
      "content": .array(content), "stop_reason": stop.reason, "stop_sequence": stop.sequence,
      "usage": MessagesUsage(completion["usage"] ?? .null).node,
    ]
  }

  /// `{"input_tokens":N}`. Nil when `count` is no count.
  package static func count(_ count: JSONNode) -> JSONNode? {
    count["input_tokens"]?.integer.map { ["input_tokens": .number($0)] }
  }

  static func id(_ engineID: String?) -> String {
    let id = engineID ?? ""
    return "msg_" + (id.hasPrefix("chatcmpl-") ? id.dropFirst(9) : id[...])
  }

  /// Models make mistakes, above all when they are cut short; what is no object must not be lost.
  private static func input(_ arguments: String) -> JSONNode {
    if arguments.isEmpty { return [:] }
    guard let node = try? JSONNode(parsing: arguments), node.members != nil else {
      return ["invalid_json": .string(arguments)]
    }
    return node
  }
}
