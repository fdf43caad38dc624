// SPDX-License-Identifier: Apache-2.0

/// One message of a conversation.
package struct ChatMessage: Codable, Sendable, Hashable {
  package enum Role: String, Codable, Sendable {
    case system, user, assistant
  }

  package var role: Role
  package var content: String

  package init(_ role: Role, _ content: String) {
    self.role = role
    self.content = content
  }
}

/// Body of `POST /engines/v1/chat/completions`.
struct ChatRequest: Encodable {
  struct StreamOptions: Encodable {
    let includeUsage: Bool

    enum CodingKeys: String, CodingKey {
      case includeUsage = "include_usage"
    }
  }

  let model: String
  let messages: [ChatMessage]
  let stream: Bool
  var streamOptions: StreamOptions?

  enum CodingKeys: String, CodingKey {
    case model, messages, stream
    case streamOptions = "stream_options"
  }
}

/// Tokens that a completion took.
package struct ChatUsage: Decodable, Sendable, Equatable {
  package var promptTokens: Int
  package var completionTokens: Int
  package var totalTokens: Int

  package init(promptTokens: Int, completionTokens: Int, totalTokens: Int) {
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.totalTokens = totalTokens
  }

  enum CodingKeys: String, CodingKey {
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
    case totalTokens = "total_tokens"
  }
}

/// A piece of an answer as it is generated.
package enum ChatEvent: Sendable, Equatable {
  case reasoning(String)
  case content(String)
  case usage(ChatUsage)
}
