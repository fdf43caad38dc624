// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelWire

/// What a model brings for requests that say nothing else: as a Modelfile's SYSTEM, PARAMETER and MESSAGE. Stored with
/// the model, in layers of Ollama's media types.
package struct OllamaDefaults: Sendable, Equatable {
  package private(set) var system: String?
  /// An object of options; nil for none.
  package private(set) var parameters: JSONNode?
  /// An array of messages; nil for none.
  package private(set) var messages: JSONNode?

  package init() {}

  package init(system: String?, parameters: JSONNode?, messages: JSONNode?) throws(OllamaError) {
    if let system, !system.isEmpty { self.system = system }
    if let parameters, let members = parameters.members, !members.isEmpty {
      _ = try OllamaOptions(parameters)
      self.parameters = parameters
    }
    if let messages, let elements = messages.elements, !elements.isEmpty {
      _ = try OllamaMessages(messages)
      self.messages = messages
    }
  }

  package var isEmpty: Bool { self == OllamaDefaults() }

  /// Adds what a layer says. Layers that can't be read count as absent.
  package mutating func read(_ bytes: [UInt8], ofType type: String) {
    let document = bytes.withUnsafeBytes { try? JSONNode(parsing: $0) }
    switch type {
    case MediaType.ollamaSystem: system = String(decoding: bytes, as: UTF8.self)
    case MediaType.ollamaParameters:
      if let document, document.members != nil, (try? OllamaOptions(document)) != nil { parameters = document }
    case MediaType.ollamaMessages: if let document, (try? OllamaMessages(document)) != nil { messages = document }
    default: break
    }
  }

  /// The layers that hold this: media types and contents.
  package var layers: [(type: String, content: [UInt8])] {
    var layers: [(type: String, content: [UInt8])] = []
    if let system { layers.append((MediaType.ollamaSystem, Array(system.utf8))) }
    if let parameters { layers.append((MediaType.ollamaParameters, parameters.bytes)) }
    if let messages { layers.append((MediaType.ollamaMessages, messages.bytes)) }
    return layers
  }

  /// A request with what it does not say itself.
  ///
  /// - Parameter isChat: it has messages, and no single prompt.
  func applied(to document: JSONNode, isChat: Bool) -> JSONNode {
    guard !isEmpty, var members = document.members else { return document }
    func set(_ name: String, _ value: JSONNode) {
      members.removeAll { $0.name == name }
      members.append(JSONMember(name, value))
    }
    if let defaults = parameters?.members {
      let given = (document["options"]?.members ?? []).filter { !$0.value.isNull }
      let names = Set(given.map(\.name))
      set("options", .object(defaults.filter { !names.contains($0.name) } + given))
    }
    if isChat, let given = document["messages"]?.elements, !given.isEmpty {
      let hasSystem = given.first?["role"]?.string == "system"
      var beginning: [JSONNode] = []
      if let system, !hasSystem {
        beginning.append(.object([JSONMember("role", .string("system")), JSONMember("content", .string(system))]))
      }
      let opening = hasSystem ? Array(given.prefix(1)) : beginning
      set("messages", .array(opening + (messages?.elements ?? []) + given.dropFirst(hasSystem ? 1 : 0)))
    } else if !isChat, let system, (document["system"]?.string ?? "").isEmpty, document["context"]?.elements == nil {
      set("system", .string(system))
    }
    return .object(members)
  }
}
