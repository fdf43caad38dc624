// SPDX-License-Identifier: Apache-2.0

/// What a file of a model is, told by its name. The first rule that fits counts, capitals make no difference.
///
/// Source: Docker Model Runner's packaging rules.
package enum FileClass: Hashable, Sendable {
  case gguf, safetensors, dduf
  case chatTemplate
  case license
  case config
  case unknown

  /// - Parameter name: a file name, or a path with `/`.
  package init(_ name: String) {
    let name = (name.split(separator: "/").last ?? "").lowercased()
    if name.hasSuffix(".gguf") {
      self = .gguf
    } else if name.hasSuffix(".safetensors") {
      self = .safetensors
    } else if name.hasSuffix(".dduf") {
      self = .dduf
    } else if name.hasSuffix(".jinja") || name.contains("chat_template") {
      self = .chatTemplate
    } else if ["license", "licence", "copying", "notice"].contains(where: name.contains) {
      self = .license
    } else if [".md", ".txt", ".json", ".vocab"].contains(where: name.hasSuffix) || name == "tokenizer.model" {
      self = .config
    } else {
      self = .unknown
    }
  }

  package var isWeight: Bool { self == .gguf || self == .safetensors || self == .dduf }

  /// The layer's type when a directory is packaged.
  package var mediaType: String {
    switch self {
    case .gguf: MediaType.gguf
    case .safetensors: MediaType.safetensors
    case .dduf: MediaType.dduf
    case .chatTemplate: MediaType.chatTemplate
    case .license: MediaType.license
    case .config, .unknown: MediaType.modelFile
    }
  }

  /// `gguf`, `safetensors`, `dduf`: a weight file's word in configs. Nil for all else.
  package var format: String? {
    switch self {
    case .gguf: "gguf"
    case .safetensors: "safetensors"
    case .dduf: "dduf"
    case .chatTemplate, .license, .config, .unknown: nil
    }
  }
}
