// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the headers of safetensors files say, summed over all files of a model.
///
/// Source: the safetensors format: eight bytes of length, little-endian, then that many bytes of JSON.
struct SafetensorsSummary {
  /// Bytes of a header. Source: the format's own limit.
  static let maximumHeader = 100_000_000

  private var parameters: UInt64 = 0
  private var types: Set<String> = []
  private var tensorCount = 0
  private var metadata: [String: String] = [:]

  /// How many bytes the file's header takes, its length included. Nil when it cannot be a header.
  static func headerLength(_ beginning: [UInt8]) -> Int? {
    guard beginning.count >= 8 else { return nil }
    let length = beginning[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return length <= UInt64(maximumHeader) ? Int(length) + 8 : nil
  }

  /// - Parameter header: with the eight bytes of its length.
  /// - Returns: false when it cannot be read; then nothing is added.
  mutating func add(_ header: [UInt8]) -> Bool {
    guard let entries = try? JSONDecoder().decode([String: Entry].self, from: Data(header.dropFirst(8))) else {
      return false
    }
    for (name, entry) in entries {
      if name == "__metadata__" {
        metadata.merge(entry.metadata) { first, _ in first }
        continue
      }
      guard let type = entry.type else { return false }
      types.insert(type)
      tensorCount += 1
      let elements = entry.shape.reduce(UInt64(1)) { $0.multipliedReportingOverflow(by: $1).partialValue }
      parameters = parameters.addingReportingOverflow(elements).partialValue
    }
    return true
  }

  /// - Parameters:
  ///   - size: bytes of all weights.
  ///   - settings: the model's `config.json`; empty when it has none.
  func config(size: Int64, settings: [UInt8]) -> ModelConfig {
    let view = try? JSONDecoder().decode(SettingsView.self, from: Data(settings))
    var config = ModelConfig(
      format: "safetensors", quantization: types.count == 1 ? types.first : types.isEmpty ? "unknown" : "mixed",
      parameters: Self.text(Double(parameters), units: ["", "K", "M", "B", "T"]),
      architecture: metadata["architecture"] ?? view?.architecture,
      size: Self.text(Double(size), units: ["B", "kB", "MB", "GB", "TB"]), contextSize: view?.contextSize)
    config.safetensors = metadata.merging(["tensor_count": String(tensorCount)]) { $1 }
    return config
  }

  /// Two decimals in the largest unit of a thousand that is not larger.
  static func text(_ value: Double, units: [String]) -> String {
    var value = max(0, value)
    var unit = 0
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let hundredths = Int((value * 100).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)\(units[unit])"
  }

  private struct Entry: Decodable {
    let type: String?
    let shape: [UInt64]
    let metadata: [String: String]

    enum CodingKeys: String, CodingKey { case dtype, shape }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      type = try? container.decode(String.self, forKey: .dtype)
      shape = (try? container.decode([UInt64].self, forKey: .shape)) ?? []
      metadata = (try? decoder.singleValueContainer().decode([String: String].self)) ?? [:]
    }
  }

  /// `config.json` of the transformers library, as far as it is looked at.
  private struct SettingsView: Decodable {
    let architecture: String?
    let contextSize: Int32?

    struct AnyKey: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(_ name: String) { stringValue = name }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: AnyKey.self)
      architecture = (try? container.decode([String].self, forKey: AnyKey("architectures")))?.first
      let names = [
        "max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length",
      ]
      contextSize =
        names.lazy.compactMap { name in
          (try? container.decode(Int32.self, forKey: AnyKey(name))).flatMap { $0 > 0 ? $0 : nil }
        }.first
    }
  }
}
