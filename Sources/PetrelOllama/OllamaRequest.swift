// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelWire

/// What the inference requests of Ollama's API have in common.
///
/// Source: Ollama's API documentation, `docs/api.md`.
package struct OllamaRequest: Sendable {
  /// As the client wrote it.
  package let model: String
  /// Ollama streams unless it is told not to.
  package let isStream: Bool
  package let keepAlive: KeepAlive?
  package let options: OllamaOptions
  let document: JSONNode

  /// - Parameter defaults: what the model brings for what the request does not say.
  package init(_ given: JSONNode, _ defaults: OllamaDefaults = OllamaDefaults()) throws(OllamaError) {
    document = defaults.applied(to: given, isChat: given["messages"] != nil)
    model = try Self.model(document)
    isStream = try Self.flag("stream", document) ?? true
    options = try OllamaOptions(document["options"])
    keepAlive = try Self.keepAlive(document["keep_alive"] ?? document["options"]?["keep_alive"])
  }

  /// A body, whatever it is for.
  package static func document(_ bytes: UnsafeRawBufferPointer) throws(OllamaError) -> JSONNode {
    let document: JSONNode
    do {
      document = try JSONNode(parsing: bytes)
    } catch {
      throw OllamaError("invalid request: \(error)")
    }
    guard document.members != nil else { throw OllamaError("invalid request: want a JSON object") }
    return document
  }

  /// `model`, or `name` as older clients have it.
  package static func model(_ document: JSONNode) throws(OllamaError) -> String {
    for name in ["name", "model"] {
      guard let value = document[name], !value.isNull else { continue }
      guard let text = value.string else { throw OllamaError("\(name) must be a string") }
      if !text.isEmpty { return text }
    }
    throw OllamaError("model is required")
  }

  static func flag(_ name: String, _ document: JSONNode) throws(OllamaError) -> Bool? {
    guard let value = document[name], !value.isNull else { return nil }
    guard let flag = value.bool else { throw OllamaError("\(name) must be true or false") }
    return flag
  }

  static func text(_ name: String, _ document: JSONNode) throws(OllamaError) -> String? {
    guard let value = document[name], !value.isNull else { return nil }
    guard let text = value.string else { throw OllamaError("\(name) must be a string") }
    return text
  }

  private static func keepAlive(_ value: JSONNode?) throws(OllamaError) -> KeepAlive? {
    switch value {
    case nil, .null: return nil
    case .number(let text): return Double(text).map(KeepAlive.init(seconds:))
    case .text(let text):
      do throws(KeepAliveError) {
        return try KeepAlive(parsing: text.value)
      } catch {
        throw OllamaError("\(error)")
      }
    default: throw OllamaError("keep_alive must be a duration such as \"5m\", or a number of seconds")
    }
  }

  /// Whether a request without a prompt is to unload the model, and not to load it.
  package var unloads: Bool { keepAlive == .after(.zero) }

  /// The members that are the engine's own affair: all but those that are named.
  func passedOn(without names: Set<String>) -> [JSONMember] {
    (document.members ?? []).filter { !names.contains($0.name) }
  }

  /// Names that mean something to every inference request here.
  static let commonNames: Set<String> = ["model", "name", "stream", "keep_alive", "options"]
}
