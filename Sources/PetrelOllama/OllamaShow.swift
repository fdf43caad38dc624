// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What is known of a model for `POST /api/show`.
package struct OllamaShow: Sendable {
  package var name: String
  package var details: OllamaDetails
  /// RFC 3339.
  package var modifiedAt: String
  package var licenses: [String] = []
  /// Jinja.
  package var template: String?
  package var system: String?
  /// As in a Modelfile: names and their values.
  package var parameters: [JSONMember] = []
  /// The metadata of the weights, as texts.
  package var metadata: [String: String] = [:]
  package var contextSize: Int?
  package var hasProjector = false

  package init(name: String, details: OllamaDetails, modifiedAt: String) {
    self.name = name
    self.details = details
    self.modifiedAt = modifiedAt
  }

  package func answer(verbose: Bool) -> [UInt8] {
    var members: [JSONMember] = []
    func add(_ name: String, _ text: String?) {
      if let text, !text.isEmpty { members.append(JSONMember(name, .string(text))) }
    }
    add("license", licenses.joined(separator: "\n\n"))
    add("modelfile", modelfile)
    add("parameters", parameterLines.joined(separator: "\n"))
    add("template", template)
    add("system", system)
    members.append(
      JSONMember(
        "details",
        .object([
          JSONMember("parent_model", .string(details.parentModel)), JSONMember("format", .string(details.format)),
          JSONMember("family", .string(details.family)),
          JSONMember("families", .array(details.families.map(JSONNode.string))),
          JSONMember("parameter_size", .string(details.parameterSize)),
          JSONMember("quantization_level", .string(details.quantizationLevel)),
        ])))
    members.append(JSONMember("model_info", .object(modelInfo(verbose: verbose))))
    members.append(JSONMember("capabilities", .array(capabilities.map(JSONNode.string))))
    members.append(JSONMember("modified_at", .string(modifiedAt)))
    return JSONNode.object(members).bytes + [0x0A]
  }

  /// `temperature    0.7`, a line for each value.
  private var parameterLines: [String] {
    parameters.flatMap { parameter -> [String] in
      let values = parameter.value.elements ?? [parameter.value]
      let name =
        parameter.name.count < 30
        ? parameter.name + String(repeating: " ", count: 30 - parameter.name.count) : parameter.name
      return values.map { name + " " + String(decoding: $0.bytes, as: UTF8.self) }
    }
  }

  private var modelfile: String {
    var lines = ["FROM \(name)"]
    if let template, !template.isEmpty { lines.append("TEMPLATE \"\"\"\(template)\"\"\"") }
    if let system, !system.isEmpty { lines.append("SYSTEM \"\"\"\(system)\"\"\"") }
    lines += parameterLines.map { "PARAMETER \($0)" }
    lines += licenses.map { "LICENSE \"\"\"\($0)\"\"\"" }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Numbers and truth values as such. Vocabularies and templates are left out unless everything is asked for.
  private func modelInfo(verbose: Bool) -> [JSONMember] {
    metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.compactMap { key, text in
      guard verbose || text.utf8.count <= 256 else { return nil }
      return JSONMember(key, Self.value(text))
    }
  }

  private static func value(_ text: String) -> JSONNode {
    if text == "true" || text == "false" { return .bool(text == "true") }
    if let node = try? JSONNode(parsing: text), node.number != nil { return node }
    return .string(text)
  }

  /// What requests may ask of the model. Tools and thoughts are told by the words of its template.
  private var capabilities: [String] {
    let family = details.family
    if metadata["\(family).pooling_type"] != nil { return ["embedding"] }
    var capabilities = ["completion"]
    let template = template ?? ""
    if template.contains("tools") || template.contains("tool_calls") { capabilities.append("tools") }
    if ["<think>", "enable_thinking", "reasoning_content", "reasoning_effort", "<|channel|>"]
      .contains(where: template.contains)
    {
      capabilities.append("thinking")
    }
    if hasProjector { capabilities.append("vision") }
    if ["tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"].contains(where: { metadata[$0] != nil }) {
      capabilities.append("insert")
    }
    return capabilities
  }
}
