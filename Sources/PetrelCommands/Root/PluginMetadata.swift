// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelWire

/// What Docker and Docker Compose ask a plugin for before they use it.
///
/// Source: docker/cli, `cli-plugins/metadata`.
struct PluginMetadata: Encodable {
  let schemaVersion = "0.1.0"
  let vendor = "Petrel"
  /// Compose drops a model's runtime flags unless this compares as 1.0.6 or later, by the numbers between the dots. So
  /// it begins with the version of Docker Model Runner's plugin that this one can stand in for.
  let version = "1.1.8+petrel.\(PetrelVersion.current)"
  let shortDescription = Self.description

  /// Also the mark by which `install-plugin` knows its own file.
  static let description = "Petrel model runner"

  enum CodingKeys: String, CodingKey {
    case schemaVersion = "SchemaVersion"
    case vendor = "Vendor"
    case version = "Version"
    case shortDescription = "ShortDescription"
  }

  func rendered() throws -> String {
    try CanonicalJSONEncoder().node(for: self).pretty(indent: "     ") + "\n"
  }
}
