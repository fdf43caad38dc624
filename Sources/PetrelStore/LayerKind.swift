// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// What a layer's file is to an engine.
enum LayerKind: Hashable, Sendable {
  case gguf, safetensors, dduf
  case mmproj
  case chatTemplate
  /// Several files packed into one, which Petrel does not unpack.
  case archive
  case other

  var isWeight: Bool { self == .gguf || self == .safetensors || self == .dduf }

  /// - Parameter modelFormat: what the model's config says its weights are.
  init(_ layer: Descriptor, modelFormat: String?) {
    let name = layer.annotatedPath?.split(separator: "/").last.map { $0.lowercased() } ?? ""
    let isProjector = name.contains("mmproj")
    switch layer.mediaType {
    case MediaType.mmproj: self = .mmproj
    case MediaType.gguf, MediaType.cncfWeightGGUF: self = isProjector ? .mmproj : .gguf
    case MediaType.safetensors, Self.cncfWeightPrefix + "safetensors": self = .safetensors
    case MediaType.dduf: self = .dduf
    case MediaType.chatTemplate: self = .chatTemplate
    case MediaType.cncfWeightRaw: self = isProjector ? .mmproj : Self.weight(name: name, modelFormat: modelFormat)
    case let type where type.hasPrefix("application/vnd.cncf.model.") && type.contains(".tar"): self = .archive
    default: self = .other
    }
  }

  private static let cncfWeightPrefix = "application/vnd.cncf.model.weight.v1."

  private static func weight(name: String, modelFormat: String?) -> LayerKind {
    if name.hasSuffix(".gguf") { return .gguf }
    if name.hasSuffix(".safetensors") { return .safetensors }
    if name.hasSuffix(".dduf") { return .dduf }
    switch modelFormat {
    case "gguf": return .gguf
    case "safetensors": return .safetensors
    case "dduf", "diffusers": return .dduf
    default: return .other
    }
  }
}
