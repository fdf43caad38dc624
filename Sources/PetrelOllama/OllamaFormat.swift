// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// The `format` of a request: free text, any JSON, or JSON of a schema.
enum OllamaFormat {
  case text
  case json
  case schema(JSONNode)

  init(_ value: JSONNode?) throws(OllamaError) {
    switch value {
    case nil, .null: self = .text
    case .text(let text) where text.isEmpty: self = .text
    case .text(let text) where text.value == "json": self = .json
    case .object: self = value.map(OllamaFormat.schema) ?? .text
    default: throw OllamaError("format must be \"json\" or a JSON schema")
    }
  }

  /// For chat completions.
  var responseFormat: JSONNode? {
    switch self {
    case .text: nil
    case .json: .object([JSONMember("type", .string("json_object"))])
    case .schema(let schema):
      .object([
        JSONMember("type", .string("json_schema")),
        JSONMember(
          "json_schema",
          .object([
            JSONMember("name", .string("format")), JSONMember("strict", .bool(true)), JSONMember("schema", schema),
          ])),
      ])
    }
  }

  /// For completions without a template.
  var schema: JSONNode? {
    switch self {
    case .text: nil
    case .json: .object([JSONMember("type", .string("object"))])
    case .schema(let schema): schema
    }
  }
}
