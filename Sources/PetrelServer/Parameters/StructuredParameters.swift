// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Parameters that are objects or arrays: as far as the engine would ignore or misread what is wrong in them.
enum StructuredParameters {
  private static func members(
    of value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer, _ names: [StaticString]
  ) -> JSONEnvelope? {
    guard value.kind == .object else { return nil }
    return try? JSONEnvelope(objectAt: value.range.lowerBound, of: bytes, for: names)
  }

  static func responseFormat(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> ParameterComplaint? {
    guard let format = members(of: value, bytes, ["type", "json_schema"]) else {
      return ParameterComplaint("must be an object with a type: text, json_object or json_schema")
    }
    switch format.string("type", in: bytes) {
    case "text", "json_object": return nil
    case "json_schema":
      guard let schema = format["json_schema"].flatMap({ members(of: $0, bytes, ["schema"]) }),
        schema["schema"]?.kind == .object
      else { return ParameterComplaint("must be an object: the JSON schema of the answer", at: ".json_schema.schema") }
      return nil
    default: return ParameterComplaint("must be one of text, json_object, json_schema", at: ".type")
    }
  }

  static func tools(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> ParameterComplaint? {
    guard value.kind == .array, let tools = try? JSONEnvelope.elements(at: value.range.lowerBound, of: bytes) else {
      return ParameterComplaint("must be an array of tools")
    }
    for (index, tool) in tools.enumerated() {
      guard let parts = members(of: tool, bytes, ["type", "function"]), parts.string("type", in: bytes) == "function"
      else { return ParameterComplaint("must be function: there are no other tools", at: "[\(index)].type") }
      guard let function = parts["function"].flatMap({ members(of: $0, bytes, ["name", "parameters"]) }) else {
        return ParameterComplaint("must be an object", at: "[\(index)].function")
      }
      guard function.string("name", in: bytes)?.isEmpty == false else {
        return ParameterComplaint("must be the function's name", at: "[\(index)].function.name")
      }
      switch function["parameters"]?.kind {
      case nil, .null, .object: continue
      default: return ParameterComplaint("must be a JSON schema", at: "[\(index)].function.parameters")
      }
    }
    return nil
  }

  static func toolChoice(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> ParameterComplaint? {
    let wanted = "must be none, auto, required, or {\"type\": \"function\", \"function\": {\"name\": …}}"
    if let word = value.string(in: bytes) {
      return ["none", "auto", "required"].contains(word) ? nil : ParameterComplaint(wanted)
    }
    return chosenFunction(value, bytes) == nil ? ParameterComplaint(wanted) : nil
  }

  /// The name of the one function that must be called.
  static func chosenFunction(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> String? {
    guard let choice = members(of: value, bytes, ["type", "function"]), choice.string("type", in: bytes) == "function"
    else { return nil }
    return choice["function"].flatMap { members(of: $0, bytes, ["name"]) }?.string("name", in: bytes)
  }

  /// The tool with that function. Nil when there is none.
  static func tool(
    named name: String, of tools: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer
  ) -> JSONEnvelope.Value? {
    guard tools.kind == .array else { return nil }
    return (try? JSONEnvelope.elements(at: tools.range.lowerBound, of: bytes))?.first { tool in
      let function = members(of: tool, bytes, ["function"])?["function"]
      return function.flatMap { members(of: $0, bytes, ["name"]) }?.string("name", in: bytes) == name
    }
  }

  static func streamOptions(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> ParameterComplaint? {
    guard let options = members(of: value, bytes, ["include_usage"]) else {
      return ParameterComplaint("must be an object")
    }
    switch options["include_usage"]?.kind {
    case nil, .null, .bool: return nil
    default: return ParameterComplaint("must be true or false", at: ".include_usage")
    }
  }

  /// An object of numbers by token, or llama.cpp's own form, an array.
  static func tokenBias(_ value: JSONEnvelope.Value, _ bytes: UnsafeRawBufferPointer) -> ParameterComplaint? {
    value.kind == .object || value.kind == .array ? nil : ParameterComplaint("must be an object of numbers by token")
  }
}
