// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// A file of a repository, as its listing tells.
package struct HubFile: Hashable, Sendable {
  /// What a file is for, by its name. First match wins.
  package enum Kind: Sendable {
    case gguf, safetensors, dduf, chatTemplate, license, config, other
  }

  /// Inside the repository, `/` between folders.
  package let path: String
  /// Bytes.
  package let size: Int64
  /// Of the content; nil for small files, of which the listing has Git's hash alone.
  package let digest: Digest?
  /// Git's SHA-1 of the content in hex, or of what stands for the content when it has a digest.
  package let gitHash: String

  package init(path: String, size: Int64, digest: Digest?, gitHash: String = "") {
    self.path = path
    self.size = size
    self.digest = digest
    self.gitHash = gitHash
  }

  package var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  package var folder: String { String(path.dropLast(name.count)) }

  package var kind: Kind {
    let name = name.lowercased()
    if name.hasSuffix(".gguf") { return .gguf }
    if name.hasSuffix(".safetensors") { return .safetensors }
    if name.hasSuffix(".dduf") { return .dduf }
    if name.hasSuffix(".jinja") || name.contains("chat_template") { return .chatTemplate }
    if ["license", "licence", "copying", "notice"].contains(where: name.contains) { return .license }
    // Beside the reference's list, the forms in which tokenizers come.
    let configs = [".md", ".txt", ".json", ".vocab", ".model", ".tiktoken", ".bpe"]
    return configs.contains(where: name.hasSuffix) ? .config : .other
  }

  /// Whether a part of the file's name is a word that marks projectors.
  var isProjector: Bool { kind == .gguf && name.lowercased().contains("mmproj") }

  /// The order in which a folder is walked: names by their bytes, files and folders together.
  package static func inWalkingOrder(_ first: HubFile, _ second: HubFile) -> Bool {
    let parts = [first, second].map { file in file.path.split(separator: "/").map { Array($0.utf8) } }
    return parts[0].lexicographicallyPrecedes(parts[1]) { $0.lexicographicallyPrecedes($1) }
  }
}
