// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// What a layer's file is to an engine.
enum LayerKind: Hashable, Sendable {
  case gguf, safetensors, dduf
  case mmproj
  case chatTemplate
  /// An uncompressed tar archive that is unpacked beside the weights.
  case tar
  /// An uncompressed tar archive of CNCF ModelPack: the files themselves are in it, weights too.
  case packed
  /// Several files packed into one in a way that Petrel does not unpack.
  case unsupportedArchive
  case other

  var isWeight: Bool { self == .gguf || self == .safetensors || self == .dduf }

  /// - Parameter modelFormat: what the model's config says its weights are.
  init(_ layer: Descriptor, modelFormat: String?) {
    let name = layer.annotatedPath?.split(separator: "/").last.map { $0.lowercased() } ?? ""
    let isProjector = name.contains("mmproj")
    switch layer.mediaType {
    case MediaType.mmproj: self = .mmproj
    case MediaType.gguf, MediaType.cncfWeightGGUF: self = isProjector ? .mmproj : .gguf
    case MediaType.safetensors, MediaType.cncfWeightSafetensors: self = .safetensors
    case MediaType.dduf: self = .dduf
    // Some packagers took `chat_template.json`, which is no template, for one.
    case MediaType.chatTemplate: self = name.hasSuffix(".json") ? .other : .chatTemplate
    case MediaType.directoryTar, MediaType.vllmConfigTar: self = .tar
    case MediaType.cncfWeightRaw:
      self = isProjector ? .mmproj : Self.weight(name: name, modelFormat: modelFormat)
    case let type where type.hasPrefix("application/vnd.cncf.model.") && type.contains(".tar"):
      self = type.hasSuffix(".tar") ? .packed : .unsupportedArchive
    case let type
    where type.hasPrefix("application/vnd.docker.ai.") && (type.hasSuffix("gzip") || type.hasSuffix("zstd")):
      self = .unsupportedArchive
    default: self = .other
    }
  }

  /// A file in a ``packed`` layer.
  init(packed name: String, in layer: Descriptor, modelFormat: String?) {
    let name = name.lowercased()
    guard layer.mediaType.hasPrefix("application/vnd.cncf.model.weight.v1.") else {
      self = .other
      return
    }
    self = name.contains("mmproj") ? .mmproj : Self.weight(name: name, modelFormat: modelFormat)
  }

  private static func weight(name: String, modelFormat: String?) -> LayerKind {
    switch FileClass(name) {
    case .gguf: return .gguf
    case .safetensors: return .safetensors
    case .dduf: return .dduf
    default: break
    }
    switch modelFormat {
    case "gguf": return .gguf
    case "safetensors": return .safetensors
    case "dduf", "diffusers": return .dduf
    default: return .other
    }
  }
}
