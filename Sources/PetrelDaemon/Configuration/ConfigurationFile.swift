// SPDX-License-Identifier: Apache-2.0

import SystemPackage
import Yams

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `config.yaml` in `PETREL_HOME`: one mapping from setting to value or list of values. `signatures` alone has more
/// structure.
enum ConfigurationFile {
  static func read(_ path: FilePath) throws(ConfigurationError) -> [String: [String]] {
    try text(path).map { text throws(ConfigurationError) in try parse(text, path: path.string) } ?? [:]
  }

  /// The rules about signatures, not yet read; nil when there are none.
  static func signatures(_ path: FilePath) throws(ConfigurationError) -> Node? {
    guard let text = try text(path) else { return nil }
    return try mapping(text, path: path.string)?[SignaturePolicyReader.key]
  }

  private static func text(_ path: FilePath) throws(ConfigurationError) -> String? {
    guard FileManager.default.fileExists(atPath: path.string) else { return nil }
    guard let bytes = FileManager.default.contents(atPath: path.string) else {
      throw ConfigurationError(message: "\(path) can't be read; check its permissions")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func mapping(_ text: String, path: String) throws(ConfigurationError) -> Node.Mapping? {
    let document: Node?
    do {
      document = try Yams.compose(yaml: text)
    } catch {
      throw ConfigurationError(message: "\(path) is not valid YAML: \(error)")
    }
    guard let document else { return nil }
    guard let mapping = document.mapping else {
      // A file of comments alone is an empty document.
      if document.scalar?.string.isEmpty == true { return nil }
      throw ConfigurationError(message: "\(path) must hold settings as `key: value`")
    }
    return mapping
  }

  static func parse(_ text: String, path: String) throws(ConfigurationError) -> [String: [String]] {
    guard let mapping = try mapping(text, path: path) else { return [:] }
    var settings: [String: [String]] = [:]
    for (key, value) in mapping {
      guard let name = key.scalar?.string else {
        throw ConfigurationError(message: "\(path): a key is no plain text")
      }
      if name == SignaturePolicyReader.key { continue }
      if let scalar = value.scalar {
        settings[name] = [scalar.string]
      } else if let list = value.sequence, list.allSatisfy({ $0.scalar != nil }) {
        settings[name] = list.compactMap(\.scalar?.string)
      } else {
        throw ConfigurationError(message: "\(path): \(name) must be a value or a list of values")
      }
    }
    return settings
  }
}
