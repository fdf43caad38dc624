// SPDX-License-Identifier: Apache-2.0

import PetrelWire

extension PromptRules {
  /// Applies the rules to the system prompt with which the messages of a chat begin.
  ///
  /// - Parameter messages: as chat completions have them.
  /// - Returns: the rules that changed something; empty for most requests.
  package func apply(to messages: inout [JSONNode]) -> [String] {
    guard let first = messages.first, let role = first["role"]?.string, role == "system" || role == "developer",
      let prompt = Self.text(of: first)
    else { return [] }
    let outcome = apply(to: prompt)
    guard !outcome.applied.isEmpty else { return [] }
    // Nothing is moved to nowhere.
    let target = messages.lastIndex { ["user", "tool"].contains($0["role"]?.string) }
    guard target != nil || outcome.moved.isEmpty else { return [] }
    if let target, !outcome.moved.isEmpty {
      messages[target] = Self.appended(outcome.moved.joined(separator: "\n"), to: messages[target])
    }
    if let content = Self.content(of: first, beginningWith: outcome.text) {
      messages[0] = Self.replacing("content", of: first, with: content)
    } else {
      messages.removeFirst()
    }
    return outcome.applied
  }

  /// The prompt, or its first part.
  private static func text(of message: JSONNode) -> String? {
    if let text = message["content"]?.string { return text }
    guard let part = message["content"]?.elements?.first, part["type"]?.string == "text" else { return nil }
    return part["text"]?.string
  }

  /// - Returns: nil when nothing is left.
  private static func content(of message: JSONNode, beginningWith text: String) -> JSONNode? {
    guard var parts = message["content"]?.elements, let first = parts.first else {
      return text.isEmpty ? nil : .string(text)
    }
    if text.isEmpty { parts.removeFirst() } else { parts[0] = replacing("text", of: first, with: .string(text)) }
    return parts.isEmpty ? nil : .array(parts)
  }

  private static func appended(_ text: String, to message: JSONNode) -> JSONNode {
    if let parts = message["content"]?.elements {
      return replacing("content", of: message, with: .array(parts + [["type": "text", "text": .string(text)]]))
    }
    let content = message["content"]?.string ?? ""
    return replacing("content", of: message, with: .string(content.isEmpty ? text : content + "\n\n" + text))
  }

  private static func replacing(_ name: String, of message: JSONNode, with value: JSONNode) -> JSONNode {
    .object((message.members ?? []).filter { $0.name != name } + [JSONMember(name, value)])
  }
}
