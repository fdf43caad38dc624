// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import SystemPackage

/// A model that another program keeps on this machine.
package struct FoundModel: Hashable, Sendable {
  package struct File: Hashable, Sendable {
    /// Absolute; may be a symbolic link.
    package let path: FilePath
    /// Of the layer that it becomes.
    package let mediaType: String
    /// Inside the model.
    package let name: String
    /// Bytes.
    package let size: Int64
    /// As the other program names it; nil when it does not.
    package let digest: Digest?
  }

  /// Fully qualified, as far as the other program tells where the model is from.
  package let name: String
  package let files: [File]
  /// Tokens.
  package var contextSize: Int64?
  /// When the weights were last changed, in seconds since 1970.
  package let modified: Int64
  /// What is not taken over, in sentences.
  package var notices: [String] = []

  package var size: Int64 { files.reduce(0) { $0.addingReportingOverflow($1.size).partialValue } }

  /// Whether a person means this model by `text`: its name, its name without the host or without the tag, or Ollama's
  /// short form.
  package func matches(_ text: String) -> Bool {
    let wanted = text.lowercased()
    var forms = [name.lowercased()]
    for prefix in ["registry.ollama.ai/library/", "registry.ollama.ai/", "huggingface.co/"] where name.hasPrefix(prefix)
    {
      forms.append(String(name.dropFirst(prefix.count)).lowercased())
      if prefix == "huggingface.co/" { forms.append("hf.co/" + forms[forms.count - 1]) }
    }
    return forms.contains { form in
      let colon = form.lastIndex(of: ":")
      return form == wanted || colon.map { form[..<$0] == wanted } ?? false
    }
  }
}

/// What was found in one place.
package struct Findings: Hashable, Sendable {
  package var models: [FoundModel] = []
  /// What could not be taken for a model, and why.
  package var skipped: [String] = []

  package mutating func add(_ other: Findings) {
    models += other.models
    skipped += other.skipped
  }
}
