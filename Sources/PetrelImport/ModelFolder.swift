// SPDX-License-Identifier: Apache-2.0

import PetrelHub
import PetrelOCI
import SystemPackage

/// The models in a folder that is laid out like a repository of Hugging Face.
struct ModelFolder {
  /// `Owner/Repo`.
  let repository: String
  let entries: [LocalFolder.Entry]
  /// Whether symbolic links lead to files that are named by the digest of their content.
  let hasDigests: Bool

  func models() -> [FoundModel] {
    let places = Dictionary(entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let files = entries.map { entry in
      HubFile(path: entry.name, size: entry.size, digest: hasDigests ? digest(of: entry) : nil)
    }
    return FileChoice.all(in: files, repository: repository).compactMap { tag, choice in
      let name = "huggingface.co/\(repository):\(tag)"
      guard let reference = try? ModelReference(parsing: name) else { return nil }
      let isFolder = choice.form == .folder
      let found = layers(of: choice).compactMap { file, mediaType in
        places[file.path].map { entry in
          FoundModel.File(
            path: entry.path, mediaType: mediaType, name: isFolder ? file.path : file.name, size: entry.size,
            digest: file.digest)
        }
      }
      let modified = choice.weights.first.flatMap { places[$0.path]?.modified } ?? 0
      return FoundModel(name: reference.description, files: found, modified: modified)
    }
  }

  /// Weights first.
  private func layers(of choice: FileChoice) -> [(HubFile, mediaType: String)] {
    switch choice.form {
    case .gguf:
      let template = choice.templates.first { $0.name.lowercased().hasSuffix(".jinja") }
      return choice.weights.map { ($0, MediaType.gguf) } + choice.licenses.map { ($0, MediaType.license) }
        + [template].compactMap { $0 }.map { ($0, MediaType.chatTemplate) }
        + [choice.projector].compactMap { $0 }.map { ($0, MediaType.mmproj) }
    case .folder:
      return choice.weights.map { ($0, MediaType.safetensors) }
        + choice.others.map { file in
          switch file.kind {
          case .chatTemplate: (file, MediaType.chatTemplate)
          case .license: (file, MediaType.license)
          default: (file, MediaType.modelFile)
          }
        }
    case .dduf: return []
    }
  }

  private func digest(of entry: LocalFolder.Entry) -> Digest? {
    LocalFolder.target(entry.path).lastComponent.flatMap { Digest(hex: $0.string) }
  }
}
