// SPDX-License-Identifier: Apache-2.0

import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a `config.json` of Hugging Face's transformers says about a model.
struct TransformerSettings {
  /// `LlamaForCausalLM`.
  let architecture: String?
  /// Tokens.
  let contextSize: Int32?

  private static let largestSize: Int64 = 16 << 20
  /// The first one that is there counts.
  private static let lengthNames = [
    "max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length",
  ]

  /// Reads the first `config.json` in the folders of `files`. Nil when there is none that can be read: a model needs
  /// none.
  init?(beside files: [LocalFile]) {
    var seen: Set<FilePath> = []
    for file in files {
      let folder = file.path.removingLastComponent()
      guard seen.insert(folder).inserted else { continue }
      let config: LocalFile
      do {
        config = try LocalFile(opening: folder.appending("config.json"))
      } catch {
        continue
      }
      guard config.byteCount <= Self.largestSize,
        let bytes = try? config.bytes(at: 0, count: Int(config.byteCount)), let settings = Self(parsing: bytes)
      else { return nil }
      self = settings
      return
    }
    return nil
  }

  init?(parsing bytes: [UInt8]) {
    guard let view = try? JSONDecoder().decode(View.self, from: Data(bytes)) else { return nil }
    architecture = view.architectures?.first
    // Models for several kinds of input keep those of the language model apart.
    contextSize = (view.lengths.isEmpty ? view.text?.lengths : view.lengths)?.first
  }

  private final class View: Decodable {
    let architectures: [String]?
    let lengths: [Int32]
    let text: View?

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      architectures = try? container.decode([String].self, forKey: Key("architectures"))
      lengths = TransformerSettings.lengthNames.compactMap { name in
        (try? container.decode(Int32.self, forKey: Key(name))).flatMap { $0 > 0 ? $0 : nil }
      }
      // One level: settings inside those are not looked at.
      text = decoder.codingPath.isEmpty ? try? container.decode(View.self, forKey: Key("text_config")) : nil
    }
  }

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
