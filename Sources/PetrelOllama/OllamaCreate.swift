// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// `POST /api/create`: a model made of another one, or of files that were uploaded.
package struct OllamaCreate: Sendable {
  package enum Source: Sendable, Equatable {
    case model(String)
    /// Names of files, and digests of the blobs that they are.
    case files([String: String])
  }

  package let model: String
  package let isStream: Bool
  package let source: Source
  /// Jinja, or Go's template language, which can't be used.
  package let template: String?
  package let licenses: [String]
  package let defaults: OllamaDefaults
  /// Tokens.
  package let contextSize: Int?

  package init(_ document: JSONNode) throws(OllamaError) {
    model = try OllamaRequest.model(document)
    isStream = try OllamaRequest.flag("stream", document) ?? true
    for (name, reason) in [
      ("quantize", "quantise the weights with llama-quantize first"),
      ("adapters", "merge the adapter into the weights first"),
      ("modelfile", "send from, files, template, system, parameters and license as members"),
    ] {
      if let value = document[name], value != .null, value != .string(""), value != .object([]) {
        throw OllamaError("\(name) is not supported: \(reason)")
      }
    }
    source = try Self.source(document)
    template = try Self.template(document)
    licenses = try Self.licenses(document["license"])
    let options = try OllamaOptions(document["parameters"])
    contextSize = options.contextSize
    defaults = try OllamaDefaults(
      system: try OllamaRequest.text("system", document), parameters: document["parameters"],
      messages: document["messages"])
  }

  private static func source(_ document: JSONNode) throws(OllamaError) -> Source {
    let from = try OllamaRequest.text("from", document) ?? ""
    var files: [String: String] = [:]
    if let given = document["files"], !given.isNull {
      guard let members = given.members else { throw OllamaError("files must be an object of names and digests") }
      for member in members {
        guard let digest = member.value.string else { throw OllamaError("files: want digests of blobs") }
        guard !member.name.isEmpty, !member.name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }),
          member.name != ".", member.name != ".."
        else {
          throw OllamaError("files: \"\(member.name)\" is not the name of a file")
        }
        files[member.name] = digest
      }
    }
    switch (from.isEmpty, files.isEmpty) {
    case (false, true): return .model(from)
    case (true, false): return .files(files)
    case (true, true): throw OllamaError("neither from nor files is given: name a model, or blobs that were uploaded")
    case (false, false): throw OllamaError("give either from or files, not both")
    }
  }

  private static func template(_ document: JSONNode) throws(OllamaError) -> String? {
    guard let text = try OllamaRequest.text("template", document), !text.isEmpty else { return nil }
    let isGo = ["{{ .", "{{.", "{{- .", "{{ if", "{{- if", "{{ range", "{{- range"].contains { text.contains($0) }
    guard !isGo else {
      throw OllamaError(
        "template is written in Go's template language, and engines here use Jinja: leave it out to keep the model's own, "
          + "or give one in Jinja")
    }
    return text
  }

  private static func licenses(_ value: JSONNode?) throws(OllamaError) -> [String] {
    switch value {
    case nil, .null: return []
    case .text(let text): return text.isEmpty ? [] : [text.value]
    case .array(let texts) where texts.allSatisfy(\.isText): return texts.compactMap(\.string)
    default: throw OllamaError("license must be a text or an array of texts")
    }
  }
}
