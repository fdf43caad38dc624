// SPDX-License-Identifier: Apache-2.0

/// Why a command of the command line failed, where no other module's error says it.
struct CommandError: Error, Sendable, Equatable, CustomStringConvertible {
  enum Code: Sendable {
    case usage
    case unknownCommand
    case noPrompt
    case modelNotFound
    case transferFailed
    case daemonNotStarted
    case fileExists
    case fileSystem
    case storeUpkeep
    case workerEnded
  }

  let code: Code
  /// A sentence for people that says what to do next.
  let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  var description: String { message }
}
