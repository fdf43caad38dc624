// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a standard stream.
package struct TerminalError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The reader of our output has gone, as in `petrel list | head -1`.
    case closedPipe
    case outputFailed
    case inputFailed
    case inputTooLong
    case notATerminal
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
