// SPDX-License-Identifier: Apache-2.0

import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An image manifest that describes a model. The order of members is the order on the wire.
///
/// Source: OCI image specification, manifest.md.
package struct Manifest: Hashable, Sendable, Codable {
  /// Larger manifests are refused: none that describes a model comes near.
  package static let maximumSize = 4 * 1024 * 1024

  package var schemaVersion: Int
  package var mediaType: String?
  package var artifactType: String?
  package var config: Descriptor
  package var layers: [Descriptor]
  package var annotations: [String: String]?

  package init(artifactType: String? = nil, config: Descriptor, layers: [Descriptor]) {
    schemaVersion = 2
    mediaType = MediaType.ociManifest
    self.artifactType = artifactType
    self.config = config
    self.layers = layers
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    schemaVersion = try container.decode(Int.self, forKey: .schemaVersion)
    mediaType = try container.decodeIfPresent(String.self, forKey: .mediaType)
    artifactType = try container.decodeIfPresent(String.self, forKey: .artifactType)
    config = try container.decode(Descriptor.self, forKey: .config)
    // The reference writes an empty list as `null`.
    layers = try container.decodeIfPresent([Descriptor].self, forKey: .layers) ?? []
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
  }

  /// Reads the manifest of a model and refuses anything else: an image index, an image, a config that Petrel does not
  /// know, negative sizes.
  package init(decoding bytes: [UInt8]) throws(OCIError) {
    let type = try? JSONDecoder().decode(TypeView.self, from: Data(bytes))
    if let type, let configType = type.config?.mediaType, !MediaType.supportedConfigs.contains(configType) {
      throw Self.unsupported(configType)
    }
    if let type, type.config == nil { throw Self.unsupported(type.mediaType ?? "") }
    do {
      self = try JSONDecoder().decode(Manifest.self, from: Data(bytes))
    } catch {
      throw OCIError(.invalidManifest, "the manifest is not valid: \(Self.summary(of: error))")
    }
    guard ([config] + layers).allSatisfy({ $0.size >= 0 }) else {
      throw OCIError(.invalidManifest, "the manifest is not valid: a size is negative")
    }
  }

  /// The bytes that the reference writes for this manifest.
  package func serialized() throws -> [UInt8] {
    Array(try CanonicalJSONEncoder().encode(self).utf8)
  }

  /// Whether it says that it describes a CNCF ModelPack artifact. Its config may say so too: see ``ConfigSummary``.
  package var isModelPack: Bool { artifactType == MediaType.cncfManifest || config.mediaType == MediaType.configCNCF }

  /// Layers and config, each digest once.
  package var blobs: [Descriptor] {
    var seen: Set<Digest> = []
    return (layers + [config]).filter { seen.insert($0.digest).inserted }
  }

  private struct TypeView: Decodable {
    struct Config: Decodable { var mediaType: String? }
    var mediaType: String?
    var config: Config?
  }

  private static func unsupported(_ type: String) -> OCIError {
    let supported = MediaType.supportedConfigs.map(quoted).joined(separator: ", ")
    return OCIError(
      .unsupportedArtifact,
      "config type \(quoted(type)) is not supported (supported: \(supported)) - try upgrading: "
        + "unsupported model config media type")
  }

  private static func summary(of error: any Error) -> String {
    switch error as? DecodingError {
    case .dataCorrupted(let context): context.debugDescription
    case .keyNotFound(let key, _): "\(quoted(key.stringValue)) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\(quoted(context.codingPath.map(\.stringValue).joined(separator: "."))) has the wrong type"
    default: "it is not JSON"
    }
  }
}
