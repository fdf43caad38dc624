// SPDX-License-Identifier: Apache-2.0

import PetrelEngines

/// What listings show of a runner beyond its place on the board.
package struct RunnerFacts: Sendable, Hashable {
  package var properties: EngineProperties
  /// The process; nil when it is none of the daemon's own.
  package var pid: Int32?

  package init(properties: EngineProperties = EngineProperties(), pid: Int32? = nil) {
    self.properties = properties
    self.pid = pid
  }
}
