// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// What `hf.co/Owner/Repo:Q4_K_M@revision` names: a repository, which of its weights, and in which revision.
package struct HubName: Hashable, Sendable {
  /// As it was written, letter case included: `Owner/Repo`.
  package var repository: String
  /// A quantisation or another part of the weights' names. Nil leaves the choice to the rules for the default.
  package let selector: String?
  /// A branch, tag or commit. Nil is the main branch.
  package let revision: String?

  /// - Parameter text: as it was typed, or as a stored tag has it.
  package init(parsing text: String) throws(HubError) {
    func refuse(_ reason: String) -> HubError {
      HubError(.invalidName, "\(quoted(text)) is no name at Hugging Face: \(reason)")
    }
    let folded = ModelReference.foldingRevision(text)
    guard let slash = folded.firstIndex(of: "/"), !folded.contains("@") else {
      throw refuse("want hf.co/OWNER/REPOSITORY, with :QUANTIZATION or @REVISION behind it")
    }
    let rest = folded[folded.index(after: slash)...]
    let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let names = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(names.count), names.allSatisfy(Self.isName) else {
      throw refuse("a repository is OWNER/REPOSITORY, made of letters, digits, '.', '_' and '-'")
    }
    repository = String(parts[0])
    let tag = parts.count == 2 ? parts[1] : ""
    let separator = tag.firstRange(of: ModelReference.revisionSeparator)
    let selector = separator.map { tag[..<$0.lowerBound] } ?? tag
    self.selector = ["", "latest", "main"].contains(selector) ? nil : String(selector)
    let revision = separator.map { String(tag[$0.upperBound...]) } ?? "main"
    self.revision = revision == "main" || revision.isEmpty ? nil : revision
  }

  private static func isName(_ part: Substring) -> Bool {
    !part.isEmpty && part.utf8.count <= 96 && part != "." && part != ".."
      && part.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
  }
}
