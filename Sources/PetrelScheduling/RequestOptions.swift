// SPDX-License-Identifier: Apache-2.0

import PetrelAPI

/// What one request asks of its engine, stronger than what was set for the model.
package struct RequestOptions: Sendable, Hashable {
  /// Stays with the engine until another request, or a change of the settings, says otherwise.
  package var keepAlive: KeepAlive?
  /// Tokens. An engine with another context is replaced, once it has answered what it is working on.
  package var contextSize: Int?
  /// Who goes first when requests wait.
  package var priority: ModelSettings.Priority?

  package init(keepAlive: KeepAlive? = nil, contextSize: Int? = nil, priority: ModelSettings.Priority? = nil) {
    self.keepAlive = keepAlive
    self.contextSize = contextSize
    self.priority = priority
  }
}
