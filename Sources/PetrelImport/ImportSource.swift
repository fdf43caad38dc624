// SPDX-License-Identifier: Apache-2.0

import SystemPackage

/// A program, or a folder, whose models can be taken in.
package struct ImportSource: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case ollama, hubCache, lmStudio, folder
  }

  package let kind: Kind
  package let root: FilePath

  /// For people.
  package var title: String {
    switch kind {
    case .ollama: "Ollama"
    case .hubCache: "Hugging Face cache"
    case .lmStudio: "LM Studio"
    case .folder: root.string
    }
  }

  /// Whether nobody writes to the files once they are there, so that hard links are safe.
  package var hasSettledFiles: Bool { kind != .folder }

  /// The places where the programs keep their models, that exist.
  ///
  /// - Parameter environment: read for `OLLAMA_MODELS`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME` and
  ///   `XDG_CACHE_HOME`.
  package static func known(environment: [String: String], home: FilePath) -> [ImportSource] {
    func place(_ name: String) -> FilePath? { environment[name].flatMap { $0.isEmpty ? nil : FilePath($0) } }
    let hubHome = place("HF_HOME") ?? (place("XDG_CACHE_HOME") ?? home.appending(".cache")).appending("huggingface")
    let hub = place("HF_HUB_CACHE") ?? place("HUGGINGFACE_HUB_CACHE") ?? hubHome.appending("hub")
    var candidates: [ImportSource] = []
    if let ollama = place("OLLAMA_MODELS") {
      candidates.append(ImportSource(kind: .ollama, root: ollama))
    } else {
      candidates.append(ImportSource(kind: .ollama, root: home.appending(".ollama").appending("models")))
      // Where the service that Ollama's installer sets up on Linux keeps them.
      candidates.append(ImportSource(kind: .ollama, root: "/usr/share/ollama/.ollama/models"))
    }
    candidates.append(ImportSource(kind: .hubCache, root: hub))
    for folder in [".lmstudio", ".cache/lm-studio"] {
      candidates.append(
        ImportSource(kind: .lmStudio, root: home.pushing(FilePath(folder)).appending("models")))
    }
    return candidates.filter { LocalFolder.isFolder($0.root) }
  }

  /// What kind of folder `root` is, by what is in it.
  package init(at root: FilePath) {
    self.root = root
    kind = OllamaStore.isStore(root) ? .ollama : HubCache.isCache(root) ? .hubCache : .folder
  }

  package init(kind: Kind, root: FilePath) {
    self.kind = kind
    self.root = root
  }

  /// Looks at the place. Opens manifests and settings, no weights.
  package func findings() -> Findings {
    switch kind {
    case .ollama: OllamaStore(root: root).findings()
    case .hubCache: HubCache(root: root).findings()
    case .lmStudio, .folder: PlainFolder(root: root).findings()
    }
  }
}
