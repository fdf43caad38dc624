// SPDX-License-Identifier: Apache-2.0

import PetrelWire

/// The `options` of a request: what the engine is loaded with, and what it is told for this request.
package struct OllamaOptions: Sendable {
  private enum Kind { case integer, number, texts }

  /// What is checked, and its name at the engine. Sources: Ollama's `docs/modelfile.md`, llama.cpp's `tools/server`.
  private static let sampling: [String: (kind: Kind, engine: String)] = [
    "num_predict": (.integer, "n_predict"), "num_keep": (.integer, "n_keep"), "seed": (.integer, "seed"),
    "top_k": (.integer, "top_k"), "repeat_last_n": (.integer, "repeat_last_n"), "mirostat": (.integer, "mirostat"),
    "temperature": (.number, "temperature"), "top_p": (.number, "top_p"), "min_p": (.number, "min_p"),
    "typical_p": (.number, "typical_p"), "repeat_penalty": (.number, "repeat_penalty"),
    "presence_penalty": (.number, "presence_penalty"), "frequency_penalty": (.number, "frequency_penalty"),
    "mirostat_tau": (.number, "mirostat_tau"), "mirostat_eta": (.number, "mirostat_eta"),
    "stop": (.texts, "stop"),
  ]

  /// How an engine uses the machine. It is Petrel that decides this, for all requests of a model, and no answer depends
  /// on it; clients send these by habit. Samplers that llama.cpp has given up are here as well.
  private static let withoutEffect: Set<String> = [
    "numa", "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mmap",
    "use_mlock", "embedding_only", "num_thread", "num_gqa", "rope_frequency_base", "rope_frequency_scale", "tfs_z",
    "penalize_newline", "keep_alive", "draft_num_predict",
  ]

  private static let maximumOptions = 256

  /// Tokens that the model is to be loaded with.
  package private(set) var contextSize: Int?
  /// In the engine's words.
  private(set) var members: [JSONMember] = []

  init(_ options: JSONNode?) throws(OllamaError) {
    guard let options, !options.isNull else { return }
    guard let given = options.members else { throw OllamaError("options must be an object") }
    guard given.count <= Self.maximumOptions else {
      throw OllamaError("options has more than \(Self.maximumOptions) members")
    }
    for option in given where !option.value.isNull {
      if option.name == "num_ctx" {
        contextSize = try Self.contextSize(option.value)
      } else if let (kind, engine) = Self.sampling[option.name] {
        set(engine, try Self.checked(option, kind))
      } else if !Self.withoutEffect.contains(option.name) {
        set(option.name, option.value)
      }
    }
  }

  private mutating func set(_ name: String, _ value: JSONNode) {
    members.removeAll { $0.name == name }
    members.append(JSONMember(name, value))
  }

  private static func contextSize(_ value: JSONNode) throws(OllamaError) -> Int {
    guard let size = value.integer ?? value.string.flatMap({ Int($0) }), size > 0, size <= Int(Int32.max) else {
      throw OllamaError("option \"num_ctx\" must be a number of tokens, 1 or more")
    }
    return size
  }

  private static func checked(_ option: JSONMember, _ kind: Kind) throws(OllamaError) -> JSONNode {
    let value = option.value
    switch kind {
    case .integer:
      guard let number = value.integer else { throw wrong(option, "an integer") }
      return .number(String(number))
    case .number:
      guard let number = value.double, number.isFinite else { throw wrong(option, "a number") }
      return value
    case .texts:
      if value.isText { return .array([value]) }
      guard let elements = value.elements, elements.allSatisfy(\.isText) else {
        throw wrong(option, "an array of strings")
      }
      return value
    }
  }

  private static func wrong(_ option: JSONMember, _ want: String) -> OllamaError {
    OllamaError("option \"\(option.name)\" must be \(want)")
  }
}
