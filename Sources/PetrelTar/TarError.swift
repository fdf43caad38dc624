// SPDX-License-Identifier: Apache-2.0

/// Why bytes are no archive that Petrel reads.
package struct TarError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    case malformed
    /// The archive ends too early.
    case truncated
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
