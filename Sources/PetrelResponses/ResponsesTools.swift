// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Tools of a request, as chat completions have them.
enum ResponsesTools {
  static func members(_ request: JSONNode) throws(ResponsesError) -> [JSONMember] {
    var members: [JSONMember] = []
    if let value = request.present("tools") {
      guard let tools = value.elements else { throw ResponsesError("tools", "must be an array") }
      var functions: [JSONNode] = []
      for (index, tool) in tools.enumerated() { functions.append(try function(tool, "tools[\(index)]")) }
      if !functions.isEmpty { members.append(JSONMember("tools", .array(functions))) }
    }
    if let choice = request.present("tool_choice") {
      members.append(JSONMember("tool_choice", try Self.choice(choice)))
    }
    if let parallel = try ResponsesRequest.bool(request, "parallel_tool_calls"), !members.isEmpty {
      members.append(JSONMember("parallel_tool_calls", .bool(parallel)))
    }
    return members
  }

  private static func function(_ tool: JSONNode, _ place: String) throws(ResponsesError) -> JSONNode {
    guard tool["type"]?.string == "function" else {
      throw ResponsesError(
        "\(place).type", "is \((tool["type"] ?? .null).serialized()), but only tools of the type function can be called"
      )
    }
    // Some clients nest it as chat completions do.
    let source = tool.present("function") ?? tool
    guard let name = source["name"]?.string, !name.isEmpty else { throw ResponsesError("\(place).name", "is required") }
    var function = [JSONMember("name", .string(name))]
    if let description = source.present("description") { function.append(JSONMember("description", description)) }
    if let parameters = source.present("parameters") {
      guard parameters.members != nil else { throw ResponsesError("\(place).parameters", "must be a JSON schema") }
      function.append(JSONMember("parameters", parameters))
    }
    if let strict = source.present("strict") { function.append(JSONMember("strict", strict)) }
    return ["type": "function", "function": .object(function)]
  }

  private static func choice(_ choice: JSONNode) throws(ResponsesError) -> JSONNode {
    if let word = choice.string {
      guard ["auto", "none", "required"].contains(word) else {
        throw ResponsesError("tool_choice", "must be auto, none, required or a function")
      }
      return choice
    }
    guard choice["type"]?.string == "function", let name = (choice.present("function") ?? choice)["name"]?.string else {
      throw ResponsesError("tool_choice", "must be auto, none, required or a function with its name")
    }
    return ["type": "function", "function": ["name": .string(name)]]
  }
}

/// The form that an answer must have, as chat completions have it.
enum ResponsesFormat {
  static func members(_ request: JSONNode) throws(ResponsesError) -> [JSONMember] {
    guard let format = request.present("text")?.present("format") else { return [] }
    switch format["type"]?.string {
    case "text": return []
    case "json_object": return [JSONMember("response_format", ["type": "json_object"])]
    case "json_schema":
      guard let name = format["name"]?.string, isName(name) else {
        throw ResponsesError("text.format.name", "is required: 1 to 64 letters, digits, dashes and underscores")
      }
      guard let schema = format["schema"], schema.members != nil else {
        throw ResponsesError("text.format.schema", "is required and must be a JSON object")
      }
      var members = [JSONMember("name", .string(name)), JSONMember("schema", schema)]
      for name in ["description", "strict"] {
        if let value = format.present(name) { members.append(JSONMember(name, value)) }
      }
      return [JSONMember("response_format", ["type": "json_schema", "json_schema": .object(members)])]
    default: throw ResponsesError("text.format.type", "must be text, json_object or json_schema")
    }
  }

  private static func isName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}
