// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelWire

/// The parameters of an endpoint that are checked here, because the engine would ignore a wrong value, misread it or
/// blame itself. All others are the engine's.
enum ParameterRules: Sendable, Hashable {
  case none, chat, completion, embedding, reranking, tokens, text, infill

  init(enginePath: String) {
    switch enginePath {
    case "/v1/chat/completions": self = .chat
    case "/v1/completions": self = .completion
    case "/v1/embeddings": self = .embedding
    case "/rerank", "/v1/rerank": self = .reranking
    case "/detokenize": self = .tokens
    case "/tokenize": self = .text
    case "/infill": self = .infill
    default: self = .none
    }
  }

  private typealias Table = [(name: StaticString, rule: ParameterRule)]

  private static let tokenCount = ParameterRule.integer(-1...2_147_483_647)

  private static let sampling: Table = [
    ("temperature", .number(0...2)), ("top_p", .number(0...1)), ("min_p", .number(0...1)),
    ("top_k", .integer(-1...2_147_483_647)), ("presence_penalty", .number(-2...2)),
    ("frequency_penalty", .number(-2...2)), ("repeat_penalty", .number(0...1000)),
    ("max_tokens", tokenCount), ("n_predict", tokenCount), ("seed", .integer(-1...9_007_199_254_740_991)),
    ("stop", .texts), ("stream", .bool), ("stream_options", .streamOptions), ("logit_bias", .tokenBias),
    ("n", .integer(1...128)),
  ]

  private static let chatOnly: Table = [
    ("max_completion_tokens", tokenCount), ("messages", .filledArray), ("logprobs", .bool),
    ("top_logprobs", .integer(0...20)), ("response_format", .responseFormat), ("tools", .tools),
    ("tool_choice", .toolChoice), ("parallel_tool_calls", .bool),
    ("reasoning_effort", .oneOf(["none", "minimal", "low", "medium", "high", "xhigh"])),
  ]

  private static let completionOnly: Table = [
    ("logprobs", .integer(0...100)), ("response_format", .responseFormat),
    ("best_of", .withoutEffect(["1"], "must be 1: only n answers are made")),
    ("echo", .withoutEffect(["false"], "must be false: prompts are not repeated")),
    ("suffix", .withoutEffect(["\"\""], "is not supported here; POST /infill has input_suffix")),
  ]

  private static let embeddingOnly: Table = [
    ("encoding_format", .oneOf(["float", "base64"])), ("dimensions", .integer(1...1_000_000)),
  ]

  /// llama.cpp ends at a pair of an empty query and an empty document.
  private static let rerankingOnly: Table = [("query", .filledText), ("top_n", .integer(1...2_147_483_647))]

  private static let infillOnly: Table = [("input_prefix", .text), ("input_suffix", .text)]

  private static let tables: [ParameterRules: Table] = [
    .none: [], .chat: sampling + chatOnly, .completion: sampling + completionOnly, .embedding: embeddingOnly,
    .reranking: rerankingOnly, .tokens: [("tokens", .integers)], .text: [("content", .text)],
    .infill: sampling + infillOnly,
  ]

  private static let namesByRules: [ParameterRules: [StaticString]] = tables.mapValues {
    RequestAddress.names + $0.map(\.name)
  }

  /// What the scan of a body is to note, for the address and for these rules.
  var names: [StaticString] { Self.namesByRules[self] ?? RequestAddress.names }

  /// - Parameter envelope: scanned for ``names``.
  func check(_ envelope: JSONEnvelope, _ bytes: UnsafeRawBufferPointer) -> OpenAIError? {
    guard let table = Self.tables[self] else { return nil }
    for (name, value) in envelope.members {
      guard let rule = table.first(where: { $0.name.utf8Start == name.utf8Start })?.rule,
        let complaint = rule.complaint(about: value, bytes)
      else { continue }
      let parameter = "\(name)\(complaint.path)"
      return OpenAIError(
        .badRequest, "\(parameter) \(complaint.text)", code: "invalid_value", param: parameter)
    }
    return self == .chat ? Self.checkTogether(envelope, bytes) : nil
  }

  /// What is right by itself and wrong beside something else.
  private static func checkTogether(_ envelope: JSONEnvelope, _ bytes: UnsafeRawBufferPointer) -> OpenAIError? {
    if let value = envelope["top_logprobs"], value.kind == .number, envelope.bool("logprobs") != true {
      return OpenAIError(
        .badRequest, "top_logprobs has an effect only with logprobs: true", code: "invalid_value",
        param: "top_logprobs")
    }
    guard let choice = envelope["tool_choice"], choice.kind == .object,
      let function = StructuredParameters.chosenFunction(choice, bytes)
    else { return nil }
    let tool = envelope["tools"].flatMap { StructuredParameters.tool(named: function, of: $0, bytes) }
    guard tool == nil else { return nil }
    return OpenAIError(
      .badRequest,
      "tool_choice names the function \(JSONNode.string(function).serialized()), which is not among the tools",
      code: "invalid_value", param: "tool_choice")
  }
}
