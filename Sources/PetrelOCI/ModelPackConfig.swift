// SPDX-License-Identifier: Apache-2.0

import PetrelWire

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The config blob of a CNCF ModelPack artifact. All members are optional, their order is the order on the wire.
///
/// Source: CNCF ModelPack specification, config.md.
package struct ModelPackConfigFile: Hashable, Sendable, Codable {
  package struct Description: Hashable, Sendable, Codable {
    /// RFC 3339.
    package var createdAt: String?
    package var authors: [String]?
    package var family: String?
    package var name: String?
    package var docURL: String?
    package var sourceURL: String?
    package var version: String?
    package var revision: String?
    package var vendor: String?
    package var licenses: [String]?
    package var title: String?
    package var description: String?
  }

  package struct ModelFS: Hashable, Sendable, Codable {
    package var type: String?
    /// `null` is what writers of an empty list leave.
    package var diffIds: [Digest]?
  }

  package struct Config: Hashable, Sendable, Codable {
    package struct Capabilities: Hashable, Sendable, Codable {
      package var inputTypes: [String]?
      package var outputTypes: [String]?
      package var knowledgeCutoff: String?
      package var reasoning: Bool?
      package var toolUsage: Bool?
      package var embedding: Bool?
      package var reward: Bool?
    }

    package var architecture: String?
    package var format: String?
    /// For people: `1.24B`.
    package var paramSize: String?
    package var precision: String?
    package var quantization: String?
    package var capabilities: Capabilities?

    package init() {}
  }

  package var descriptor: Description
  package var modelfs: ModelFS
  package var config: Config

  /// What a Docker config says, as far as ModelPack has words for it.
  ///
  /// - Parameters:
  ///   - created: RFC 3339.
  ///   - diffIDs: one for each layer, in the layers' order.
  package init(_ docker: ModelConfig, created: String?, diffIDs: [Digest]) {
    descriptor = Description()
    descriptor.createdAt = created
    descriptor.family = docker.architecture
    modelfs = ModelFS(type: "layers", diffIds: diffIDs)
    config = Config()
    config.architecture = docker.architecture
    config.format = docker.format
    config.paramSize = docker.parameters
    config.quantization = docker.quantization
  }

  /// Throws ``OCIError`` (`invalidManifest`) when a member has a type that the specification does not give it.
  package init(decoding bytes: [UInt8]) throws(OCIError) {
    do {
      let view = try JSONDecoder().decode(View.self, from: Data(bytes))
      descriptor = view.descriptor ?? Description()
      modelfs = view.modelfs ?? ModelFS(type: "layers", diffIds: [])
      config = view.config ?? Config()
    } catch {
      throw OCIError(.invalidManifest, "the model's config is not as the CNCF ModelPack specification has it")
    }
  }

  package func serialized() throws -> [UInt8] {
    Array(try CanonicalJSONEncoder().encode(self).utf8)
  }

  private struct View: Decodable {
    var descriptor: Description?
    var modelfs: ModelFS?
    var config: Config?
  }
}

extension MediaType {
  /// The ModelPack type of a layer that Docker's packaging made.
  ///
  /// - Parameter path: the layer's path inside the model; decides for types that are not known.
  package static func modelPack(for dockerType: String, path: String?) -> String {
    switch dockerType {
    case gguf, safetensors, dduf, mmproj, cncfWeightRaw, cncfWeightGGUF, cncfWeightSafetensors: return cncfWeightRaw
    case chatTemplate, vllmConfigTar, modelFile, cncfWeightConfigRaw: return cncfWeightConfigRaw
    case license, cncfDocRaw: return cncfDocRaw
    default: break
    }
    guard let path else { return cncfWeightConfigRaw }
    let kind = FileClass(path)
    if kind.isWeight { return cncfWeightRaw }
    return kind == .license || path.lowercased().hasSuffix(".md") ? cncfDocRaw : cncfWeightConfigRaw
  }
}
