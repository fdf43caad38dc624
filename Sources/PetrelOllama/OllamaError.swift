// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelWire

/// A request that can't be understood, or asks for what is not here. The client's mistake: status 400.
package struct OllamaError: Error, Sendable, Equatable, CustomStringConvertible {
  package let message: String
  package var description: String { message }

  package init(_ message: String) { self.message = message }

  /// Ollama's form of every error.
  package static func body(_ message: String) -> [UInt8] {
    JSONNode.object([JSONMember("error", .string(message))]).bytes + [0x0A]
  }
}
