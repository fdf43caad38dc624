// SPDX-License-Identifier: Apache-2.0

import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a packager found out about a model. All members are optional, their order is the order on the wire.
///
/// Source: Docker's model specification, config v0.1 and v0.2.
package struct ModelConfig: Hashable, Sendable, Codable {
  package var format: String?
  package var quantization: String?
  /// For people: `1.24B`, `361.82M`.
  package var parameters: String?
  package var architecture: String?
  /// For people: `256.35MiB`.
  package var size: String?
  package var gguf: [String: String]?
  package var safetensors: [String: String]?
  package var diffusers: [String: String]?
  /// Tokens.
  package var contextSize: Int32?

  package init(
    format: String? = nil, quantization: String? = nil, parameters: String? = nil, architecture: String? = nil,
    size: String? = nil, gguf: [String: String]? = nil, safetensors: [String: String]? = nil,
    diffusers: [String: String]? = nil, contextSize: Int32? = nil
  ) {
    self.format = format
    self.quantization = quantization
    self.parameters = parameters
    self.architecture = architecture
    self.size = size
    self.gguf = gguf
    self.safetensors = safetensors
    self.diffusers = diffusers
    self.contextSize = contextSize
  }

  enum CodingKeys: String, CodingKey {
    case format, quantization, parameters, architecture, size, gguf, safetensors, diffusers
    case contextSize = "context_size"
  }
}

/// The config blob of a Docker-format model: `config`, `descriptor`, `rootfs`.
package struct DockerConfigFile: Hashable, Sendable, Codable {
  package struct CreationInfo: Hashable, Sendable, Codable {
    /// RFC 3339.
    package var created: String?
  }

  package struct RootFS: Hashable, Sendable, Codable {
    package var type: String
    package var diffIDs: [Digest]

    enum CodingKeys: String, CodingKey {
      case type
      case diffIDs = "diff_ids"
    }
  }

  package var config: ModelConfig
  package var descriptor: CreationInfo
  package var rootfs: RootFS

  /// - Parameters:
  ///   - created: RFC 3339, in UTC.
  ///   - diffIDs: one for each layer, in the layers' order.
  package init(config: ModelConfig, created: String, diffIDs: [Digest]) {
    self.config = config
    descriptor = CreationInfo(created: created)
    rootfs = RootFS(type: "rootfs", diffIDs: diffIDs)
  }

  package func serialized() throws -> [UInt8] {
    Array(try CanonicalJSONEncoder().encode(self).utf8)
  }
}

/// A config blob of either flavour, Docker's or CNCF ModelPack's, read for its facts.
package struct ConfigSummary: Hashable, Sendable {
  package var config: ModelConfig
  /// Seconds since 1970, 0 when the packager did not say.
  package var created: Int64
  /// Whether the document is built as CNCF ModelPack has it, whatever media type it goes by.
  package var isModelPack: Bool

  /// Reads a config blob. Members of unexpected types count as absent: a stranger's oddity must not hide a model.
  package init(decoding bytes: [UInt8]) throws(OCIError) {
    guard let view = try? JSONDecoder().decode(ConfigView.self, from: Data(bytes)) else {
      throw OCIError(.invalidManifest, "the model's config is not valid JSON")
    }
    let flat = view.config
    // By structure: artifacts of either flavour were seen under the other's media type.
    isModelPack = flat?.hasParamSize == true || view.descriptor?.createdAt != nil || view.hasModelFS
    if isModelPack {
      config = ModelConfig(
        format: flat?.format?.lowercased(), quantization: flat?.quantization, parameters: flat?.paramSize,
        architecture: flat?.architecture, size: flat?.paramSize)
    } else {
      config = flat?.docker ?? ModelConfig()
    }
    let date = view.descriptor?.createdAt ?? view.descriptor?.created
    created = date.flatMap(Self.seconds) ?? 0
  }

  private static func seconds(fromRFC3339 text: String) -> Int64? {
    // The fraction has up to nine digits; Foundation reads at most three. Seconds are all that is needed.
    let plain = text.replacing(/\.[0-9]+/, with: "")
    return (try? Date(plain, strategy: .iso8601)).map { Int64($0.timeIntervalSince1970) }
  }
}

/// The parts of a foreign config that are looked at, each tolerated when its type is wrong.
private struct ConfigView: Decodable {
  struct Flat: Decodable {
    var docker: ModelConfig
    var hasParamSize: Bool
    var paramSize: String?
    var format: String?
    var quantization: String?
    var architecture: String?

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: AnyKey.self)
      func text(_ key: String) -> String? { try? container.decode(String.self, forKey: AnyKey(key)) }
      func map(_ key: String) -> [String: String]? { try? container.decode([String: String].self, forKey: AnyKey(key)) }
      hasParamSize = container.contains(AnyKey("paramSize"))
      paramSize = text("paramSize")
      format = text("format")
      quantization = text("quantization")
      architecture = text("architecture")
      docker = ModelConfig(
        format: format, quantization: quantization, parameters: text("parameters"), architecture: architecture,
        size: text("size"), gguf: map("gguf"), safetensors: map("safetensors"), diffusers: map("diffusers"),
        contextSize: try? container.decode(Int32.self, forKey: AnyKey("context_size")))
    }
  }

  struct Dates: Decodable {
    var created: String?
    var createdAt: String?

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: AnyKey.self)
      created = try? container.decode(String.self, forKey: AnyKey("created"))
      createdAt = try? container.decode(String.self, forKey: AnyKey("createdAt"))
    }
  }

  struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  var config: Flat?
  var descriptor: Dates?
  var hasModelFS: Bool

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: AnyKey.self)
    config = try? container.decode(Flat.self, forKey: AnyKey("config"))
    descriptor = try? container.decode(Dates.self, forKey: AnyKey("descriptor"))
    hasModelFS = container.contains(AnyKey("modelfs"))
  }
}
