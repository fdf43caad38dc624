// SPDX-License-Identifier: Apache-2.0

/// What a person writes to pick a model of the store: a reference, a whole ID or a short ID.
package struct ModelSelector: Hashable, Sendable, CustomStringConvertible {
  /// As it was written.
  package let text: String
  /// Hex digits of an ID, 12 or 64 of them, when the text can be read as one.
  package let idHex: String?
  /// The text as a reference. Nil when it can only be an ID.
  package let reference: ModelReference?

  /// - Parameter defaultRegistry: used when `text` names no registry.
  package init(parsing text: String, defaultRegistry: String = ModelReference.dockerHub) throws(OCIError) {
    self.text = text
    let hex = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
    let length = hex.utf8.count
    let isID = (length == 64 || (length == 12 && hex == text)) && hex.utf8.allSatisfy(isLowerHex)
    idHex = isID ? hex : nil
    reference = length == 64 && isID ? nil : try ModelReference(parsing: text, defaultRegistry: defaultRegistry)
  }

  package init(_ reference: ModelReference) {
    text = reference.description
    idHex = nil
    self.reference = reference
  }

  package var description: String { text }
}
