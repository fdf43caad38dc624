// SPDX-License-Identifier: Apache-2.0

/// Why the header of a GGUF file could not be read.
package struct GGUFError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The file does not begin as a GGUF file does.
    case notGGUF
    case unsupportedVersion
    /// A count, length or offset points outside of the file: it is cut short or damaged.
    case truncated
    /// A value that the format does not have.
    case malformed
    /// Well-formed, but larger than any model needs.
    case tooLarge
    case unknownTensorType
    /// The bytes themselves could not be read.
    case unreadable
  }

  package let code: Code
  /// A sentence for people, with the place in the file where there is one.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
