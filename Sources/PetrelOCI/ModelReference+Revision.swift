// SPDX-License-Identifier: Apache-2.0

extension ModelReference {
  /// Stands between quantisation and revision in tags of models from Hugging Face.
  package static let revisionSeparator = "--"

  /// Puts the revision of a Hugging Face name into its tag, as no tag has an `@`: `hf.co/O/R:Q4@v1` and
  /// `hf.co/O/R@v1:Q4` become `hf.co/O/R:Q4--v1`, `hf.co/O/R@v1` becomes `hf.co/O/R:latest--v1`. What is no Hugging Face
  /// name, has no revision or has a digest stays as it is.
  package static func foldingRevision(_ text: String) -> String {
    let text = String(trimmed(text))
    guard isHuggingFace(text), let at = text.firstIndex(of: "@") else { return text }
    let suffix = text[text.index(after: at)...]
    guard !suffix.hasPrefix("sha256:"), !suffix.contains("@") else { return text }
    var name = text[..<at]
    var revision = suffix
    var tag: Substring?
    if let colon = suffix.firstIndex(of: ":") {
      revision = suffix[..<colon]
      tag = suffix[suffix.index(after: colon)...]
    } else if let colon = name.lastIndex(of: ":") {
      tag = name[name.index(after: colon)...]
      name = name[..<colon]
    }
    guard !revision.isEmpty else { return text }
    let version = tag.map { $0.isEmpty ? Substring(defaultTag) : $0 } ?? Substring(defaultTag)
    return revision == "main" ? "\(name):\(version)" : "\(name):\(version)\(revisionSeparator)\(revision)"
  }

  /// Whether the text names a repository of Hugging Face.
  package static func isHuggingFace(_ text: String) -> Bool {
    let host = text.prefix { $0 != "/" }.lowercased()
    return host != text.lowercased() && canonicalRegistry(host) == huggingFace
  }
}
