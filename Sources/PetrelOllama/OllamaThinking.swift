// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// The `think` of a request: whether, or how hard, the model is to think before it answers.
struct OllamaThinking {
  private static let levels: Set<String> = ["low", "medium", "high", "max"]

  /// Arguments for the model's chat template.
  private(set) var templateArguments: [JSONMember] = []

  init(_ value: JSONNode?) throws(OllamaError) {
    switch value {
    case nil, .null: break
    case .bool(let isOn): templateArguments = [JSONMember("enable_thinking", .bool(isOn))]
    case .text(let text) where Self.levels.contains(text.value):
      templateArguments = [
        JSONMember("enable_thinking", .bool(true)), JSONMember("reasoning_effort", .text(text)),
      ]
    default:
      throw OllamaError("think must be true, false, \"low\", \"medium\", \"high\" or \"max\"")
    }
  }

  /// Adds to what the client gives to the template itself.
  func merged(with given: JSONNode?) -> JSONNode? {
    let names = Set(templateArguments.map(\.name))
    let members = (given?.members ?? []).filter { !names.contains($0.name) } + templateArguments
    return members.isEmpty ? nil : .object(members)
  }
}
