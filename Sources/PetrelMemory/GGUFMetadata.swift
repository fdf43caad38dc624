// SPDX-License-Identifier: Apache-2.0

import PetrelGGUF

/// The pairs about one architecture. Numbers larger than any model has are cut: they multiply later.
struct GGUFMetadata {
  private static let largest: UInt64 = 1 << 24

  let architecture: String
  private let values: [String: GGUFValue]

  init(_ shards: [GGUFHeader], architecture: String) {
    self.architecture = architecture
    let prefix = architecture + "."
    let pairs = shards.flatMap(\.metadata).filter { $0.key.hasPrefix(prefix) }
    values = Dictionary(pairs.map { (String($0.key.dropFirst(prefix.count)), $0.value) }, uniquingKeysWith: { $1 })
  }

  func number(_ key: String) -> Int? { values[key].flatMap(Self.number) }

  /// The element for a layer where there is one for each, else the number that all share.
  func number(_ key: String, at layer: Int) -> Int? {
    guard case .array(let elements) = values[key] else { return number(key) }
    return elements.indices.contains(layer) ? Self.number(elements[layer]) : nil
  }

  func numbers(_ key: String) -> [Int] {
    if case .array(let elements) = values[key] { return elements.compactMap(Self.number) }
    return number(key).map { [$0] } ?? []
  }

  func bool(_ key: String) -> Bool? {
    if case .bool(let value) = values[key] { value } else { nil }
  }

  /// One for each layer.
  func bools(_ key: String) -> [Bool]? {
    guard case .array(let elements) = values[key] else { return nil }
    return elements.map { element in
      if case .bool(let value) = element { value } else { element.unsigned.map { $0 != 0 } ?? false }
    }
  }

  private static func number(_ value: GGUFValue) -> Int? {
    value.unsigned.map { Int(clamping: min($0, largest)) }
  }
}
