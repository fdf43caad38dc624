// SPDX-License-Identifier: Apache-2.0

import PetrelEngines

/// Why a request can't be given an engine.
package struct SchedulingError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The engine could not be started.
    case loadFailed
    /// The engine has failed too often to be started at once. Trying again after `retryAfter` may help.
    case paused
    /// Too many requests wait, or every runner is busy. Trying again later helps.
    case overloaded
    /// There is not as much memory as the model needs, and nothing to unload that would help.
    case insufficientMemory
    /// The daemon is ending.
    case shuttingDown
    /// The model's engine ended, or was unloaded, while the request waited. Trying again helps.
    case runnerEnded
  }

  package let code: Code
  package let message: String
  /// What kind of failure of an engine it is, where it is one.
  package let reason: EngineFailure.Kind?
  /// When trying again may help; nil when it is not known.
  package let retryAfter: Duration?

  package init(
    _ code: Code, _ message: String, reason: EngineFailure.Kind? = nil, retryAfter: Duration? = nil
  ) {
    self.code = code
    self.message = message
    self.reason = reason
    self.retryAfter = retryAfter
  }

  package var description: String { message }
}
