// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// Tools of a request, as chat completions have them.
enum MessagesTools {
  static func members(_ request: JSONNode) throws(MessagesError) -> [JSONMember] {
    if let servers = request.present("mcp_servers"), servers.elements?.isEmpty == false {
      throw MessagesError("mcp_servers", "only Anthropic's servers connect to these; run the tools in the client")
    }
    var members: [JSONMember] = []
    if let value = request.present("tools") {
      guard let tools = value.elements else { throw MessagesError("tools", "must be an array") }
      var functions: [JSONNode] = []
      for (index, tool) in tools.enumerated() { functions.append(try function(tool, "tools.\(index)")) }
      if !functions.isEmpty { members.append(JSONMember("tools", .array(functions))) }
    }
    return try members + choice(request)
  }

  private static func function(_ tool: JSONNode, _ place: @autoclosure () -> String) throws(MessagesError) -> JSONNode {
    if let type = tool.present("type"), type.string != "custom" {
      throw MessagesError(
        place(),
        "tools of the type \(type.string ?? "that is no text") run on Anthropic's servers or need its models; "
          + "describe a tool of your own with name and input_schema")
    }
    guard let name = tool["name"]?.string, !name.isEmpty else {
      throw MessagesError("\(place()).name", "is required")
    }
    guard let schema = tool["input_schema"], schema.members != nil else {
      throw MessagesError("\(place()).input_schema", "is required and must be a JSON schema")
    }
    var function = [JSONMember("name", .string(name))]
    if let description = tool.present("description") { function.append(JSONMember("description", description)) }
    function.append(JSONMember("parameters", schema))
    if let strict = tool.present("strict") { function.append(JSONMember("strict", strict)) }
    return ["type": "function", "function": .object(function)]
  }

  private static func choice(_ request: JSONNode) throws(MessagesError) -> [JSONMember] {
    guard let choice = request.present("tool_choice") else { return [] }
    var members: [JSONMember] = []
    switch choice["type"]?.string {
    case "auto": members.append(JSONMember("tool_choice", "auto"))
    case "any": members.append(JSONMember("tool_choice", "required"))
    case "none": members.append(JSONMember("tool_choice", "none"))
    case "tool":
      guard let name = choice["name"]?.string else { throw MessagesError("tool_choice.name", "is required") }
      members.append(
        JSONMember("tool_choice", ["type": "function", "function": ["name": .string(name)]]))
    default: throw MessagesError("tool_choice.type", "must be auto, any, tool or none")
    }
    if try MessagesRequest.bool(choice, "disable_parallel_tool_use") == true {
      members.append(JSONMember("parallel_tool_calls", false))
    }
    return members
  }
}
