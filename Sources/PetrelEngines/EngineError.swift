// SPDX-License-Identifier: Apache-2.0

/// Why an engine can't be found, started or installed.
package struct EngineError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    case notInstalled
    case launchFailed
    case exitedDuringLoad
    /// It ended while it loaded because it could not have as much memory, or was killed for it.
    case outOfMemory
    case loadTimedOut
    case unsupportedModel
    case installFailed
    /// A setting or a runtime flag that the engine must not be started with.
    case invalidSettings
    /// The engine runs, but not as it was told to.
    case contextSizeMismatch
  }

  package let code: Code
  /// Cause and next step, then the engine's last lines where there are any.
  package let message: String
  /// Why the engine's process ended, where that is the cause.
  package let failure: EngineFailure?

  package init(_ code: Code, _ message: String, failure: EngineFailure? = nil) {
    self.code = code
    self.message = message
    self.failure = failure
  }

  init(_ code: Code, _ failure: EngineFailure) {
    self.init(code, code == .launchFailed ? failure.sentence : failure.text, failure: failure)
  }

  package var description: String { message }
}
