// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Tool calls, put together from the pieces in which they are streamed. Ollama's clients get each call whole.
struct OllamaToolCalls: Sendable {
  private struct Call {
    var id = ""
    var name = ""
    var arguments = ""
  }

  private var calls: [Int: Call] = [:]
  private var given = 0

  var isEmpty: Bool { calls.isEmpty }

  /// Takes the `tool_calls` of a delta or of a whole message, which have no index there.
  mutating func add(_ pieces: [JSONNode]) {
    for (position, piece) in pieces.enumerated() {
      let index = piece["index"]?.integer ?? position
      calls[index, default: Call()].id += piece["id"]?.string ?? ""
      calls[index, default: Call()].name += piece["function"]?["name"]?.string ?? ""
      calls[index, default: Call()].arguments += piece["function"]?["arguments"]?.string ?? ""
    }
  }

  /// Calls that are complete because a later one has begun.
  mutating func takeComplete() -> [JSONNode] {
    guard calls.count > 1, let latest = calls.keys.max() else { return [] }
    return take { $0 < latest }
  }

  /// All that are left.
  mutating func takeAll() -> [JSONNode] { take { _ in true } }

  private mutating func take(where isWanted: (Int) -> Bool) -> [JSONNode] {
    calls.keys.filter(isWanted).sorted().compactMap { calls.removeValue(forKey: $0) }.map { call in
      defer { given += 1 }
      return .object([
        JSONMember("id", .string(call.id)),
        JSONMember(
          "function",
          .object([
            JSONMember("index", .number(String(given))), JSONMember("name", .string(call.name)),
            JSONMember("arguments", Self.arguments(call.arguments)),
          ])),
      ])
    }
  }

  /// An object, as the clients' types demand. What the model has written and is none stays a text.
  private static func arguments(_ text: String) -> JSONNode {
    if text.isEmpty { return .object([]) }
    guard let node = try? JSONNode(parsing: text), node.members != nil else { return .string(text) }
    return node
  }
}
