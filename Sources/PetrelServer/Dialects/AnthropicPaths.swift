// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelEngines
import PetrelHTTP
import PetrelPrompts

/// Where Anthropic's API is served.
enum AnthropicPaths {
  /// Every path of a call, so that it is found with one look-up.
  static let calls: [String: AnthropicDialect.Call] = {
    var table: [String: AnthropicDialect.Call] = [:]
    for prefix in ["", APIPath.dockerPrefix] {
      for base in ["/anthropic", "", "/engines", "/engines/\(LlamaCpp.name)"] {
        table[prefix + base + "/v1/messages"] = .messages
        table[prefix + base + "/v1/messages/count_tokens"] = .countTokens
      }
    }
    return table
  }()

  /// Nil when the path is none of them.
  static func route(_ head: RequestHead, _ lane: InferenceLane, rules: PromptRules) -> Route? {
    guard let call = calls[head.path] else { return nil }
    guard head.method == .POST else { return APIServer.wrongMethod("POST", head) }
    return .onLoop(bodyLimit: lane.limits.body) { head, body, exchange in
      lane.answer(AnthropicDialect(call: call, rules: rules), head, body, exchange)
    }
  }

  /// Whether errors under this path are Anthropic's.
  static func contains(_ path: String) -> Bool {
    calls[path] != nil || APIPath.withoutDockerPrefix(path).hasPrefix("/anthropic/")
  }
}
