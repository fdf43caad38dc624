// SPDX-License-Identifier: Apache-2.0

/// Why the header of a safetensors file could not be read.
package struct SafetensorsError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// A length or an offset points outside of the file: it is cut short, damaged or of another format.
    case truncated
    /// Not what the format asks for.
    case malformed
    /// Well-formed, but larger than any model needs.
    case tooLarge
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
