// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// What an answer has taken: tokens as the engine counts them, and times.
struct OllamaFigures: Sendable {
  private var started: OllamaMoment
  private var leased: OllamaMoment
  private var first: OllamaMoment?
  private var promptTokens: Int?
  private var cachedTokens: Int?
  private var answerTokens: Int?
  /// Nanoseconds.
  private var promptTime: Int64?
  private var answerTime: Int64?

  init(started: OllamaMoment) {
    self.started = started
    leased = started
  }

  mutating func modelIsLoaded(at moment: OllamaMoment) { leased = moment }

  mutating func tokenCame(at moment: OllamaMoment) { if first == nil { first = moment } }

  /// Reads `usage` and llama.cpp's `timings`, where a chunk or an answer has them.
  mutating func read(_ document: JSONNode) {
    if let usage = document["usage"] {
      promptTokens = usage["prompt_tokens"]?.integer ?? promptTokens
      answerTokens = usage["completion_tokens"]?.integer ?? answerTokens
      cachedTokens = usage["prompt_tokens_details"]?["cached_tokens"]?.integer ?? cachedTokens
    }
    guard let timings = document["timings"] else { return }
    let cached = timings["cache_n"]?.integer
    promptTime = Self.nanoseconds(timings["prompt_ms"]) ?? promptTime
    answerTime = Self.nanoseconds(timings["predicted_ms"]) ?? answerTime
    cachedTokens = cached ?? cachedTokens
    promptTokens = promptTokens ?? timings["prompt_n"]?.integer.map { $0 + (cached ?? 0) }
    answerTokens = answerTokens ?? timings["predicted_n"]?.integer
  }

  /// The members of a last line. Where the engine measures nothing, times are what was seen from here.
  func members(at end: OllamaMoment) -> [JSONMember] {
    let begun = first ?? end
    func number(_ name: String, _ value: Int64) -> JSONMember { JSONMember(name, .number(String(max(0, value)))) }
    var members = [
      number("total_duration", end.steady - started.steady), number("load_duration", leased.steady - started.steady),
    ]
    if let promptTokens { members.append(number("prompt_eval_count", Int64(promptTokens))) }
    if let cachedTokens { members.append(number("prompt_cached_count", Int64(cachedTokens))) }
    members.append(number("prompt_eval_duration", promptTime ?? begun.steady - leased.steady))
    if let answerTokens { members.append(number("eval_count", Int64(answerTokens))) }
    members.append(number("eval_duration", answerTime ?? end.steady - begun.steady))
    return members
  }

  /// The members of an answer that only embeds.
  func embeddingMembers(at end: OllamaMoment) -> [JSONMember] {
    let wanted: Set<String> = ["total_duration", "load_duration", "prompt_eval_count"]
    return members(at: end).filter { wanted.contains($0.name) }
  }

  private static func nanoseconds(_ milliseconds: JSONNode?) -> Int64? {
    guard let value = milliseconds?.double, value.isFinite, value >= 0, value < 1e12 else { return nil }
    return Int64(value * 1_000_000)
  }
}
