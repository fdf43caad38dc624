// SPDX-License-Identifier: Apache-2.0

/// Why the daemon did not do what it was asked.
package struct ClientError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    case invalidHost
    /// Nothing accepts connections at the daemon's address.
    case notRunning
    /// The connection ended, or could not be made for another reason than ``notRunning``.
    case connection
    /// The daemon answered with this HTTP status.
    case status(Int)
    /// A stream that had begun well reported an error.
    case stream
    /// The answer is not what the API promises.
    case unexpectedAnswer
  }

  package let code: Code
  /// A sentence for people.
  package let message: String
  /// How long the daemon asks to wait before another attempt, seconds.
  package var retryAfter: Int?

  package init(_ code: Code, _ message: String, retryAfter: Int? = nil) {
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  package var status: Int? {
    if case .status(let status) = code { status } else { nil }
  }

  package var description: String { message }
}
