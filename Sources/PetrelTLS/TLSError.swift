// SPDX-License-Identifier: Apache-2.0

/// A certificate or key that can't be used. The message names the file and says what would be right.
package struct TLSError: Error, Sendable, CustomStringConvertible {
  package let message: String
  package var description: String { message }

  init(_ message: String) { self.message = message }
}
