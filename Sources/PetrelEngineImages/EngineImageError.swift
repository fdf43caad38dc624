// SPDX-License-Identifier: Apache-2.0

/// Why an engine can't be taken out of an image.
package struct EngineImageError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    case invalidReference
    /// The image, or one of its layers, has a form that is not understood.
    case unsupported
    case damaged
    case tooLarge
    /// There is no engine in it, or none for this machine.
    case noEngine
    case fileSystem
  }

  package let code: Code
  package let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
