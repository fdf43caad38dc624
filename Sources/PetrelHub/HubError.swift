// SPDX-License-Identifier: Apache-2.0

/// Why a repository of Hugging Face is not taken for a model. What goes wrong on the way is a `RegistryError`.
package struct HubError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    /// The name cannot be one of a repository.
    case invalidName
    /// Nothing in the repository is what was asked for, or more than one thing is.
    case noSuchChoice
    /// No weights that Petrel knows, or not all of them.
    case noWeights
    /// The endpoint or a file of the repository is not as it must be.
    case unusable
  }

  package let code: Code
  /// A sentence for people that says what to do next.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
