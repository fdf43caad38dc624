// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What an engine says of itself once it is ready.
package struct EngineProperties: Sendable, Hashable {
  /// Tokens that one request may have, prompt and answer together.
  package var contextSize: Int?
  /// Requests that it works on at the same time.
  package var slots: Int?

  package init(contextSize: Int? = nil, slots: Int? = nil) {
    self.contextSize = contextSize
    self.slots = slots
  }

  private struct Answer: Decodable {
    struct Settings: Decodable {
      var contextSize: Int?
      enum CodingKeys: String, CodingKey { case contextSize = "n_ctx" }
    }
    var settings: Settings?
    var slots: Int?
    enum CodingKeys: String, CodingKey {
      case settings = "default_generation_settings"
      case slots = "total_slots"
    }
  }

  /// - Parameter json: the answer of `llama-server` to `GET /props`. What is not in it stays unknown.
  init(props json: [UInt8]?) {
    guard let json, let answer = try? JSONDecoder().decode(Answer.self, from: Data(json)) else {
      self.init()
      return
    }
    self.init(contextSize: answer.settings?.contextSize, slots: answer.slots)
  }

  /// llama.cpp rounds a context size up to a multiple of this.
  static let contextStep = 256

  /// - Parameter asked: tokens.
  /// - Throws: ``EngineError`` with code `contextSizeMismatch` when the engine has another context than it was asked for.
  func check(asked: Int?, for model: EngineModel) throws(EngineError) {
    guard let asked, let contextSize, !(asked..<asked + Self.contextStep).contains(contextSize) else { return }
    let trained = model.trainedContextSize.map { "; the model was trained with \($0)" } ?? ""
    throw EngineError(
      .contextSizeMismatch,
      "asked for a context of \(asked) tokens, but the engine reports \(contextSize)\(trained). Set one that it can "
        + "have: `petrel configure --context-size \(contextSize) \(model.name)`, or -1 for the default")
  }
}
