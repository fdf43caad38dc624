// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a key, a signature or a rule about signatures.
package struct SigningError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    case invalidKey
    case invalidPattern
    case invalidPayload
    case invalidSignature
    /// What stands in the place of signatures is something else.
    case invalidList
  }

  package let code: Code
  /// A sentence for people.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
