// SPDX-License-Identifier: Apache-2.0

/// Why the file of keys can't be used or changed. The message tells what to do.
package struct AccessError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The file is not what this room writes.
    case damaged
    case fileSystem
    case nameTaken
    case notFound
  }

  package let code: Code
  package let message: String
  package var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
