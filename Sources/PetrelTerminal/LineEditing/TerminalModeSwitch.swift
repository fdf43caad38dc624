// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How to make the terminal raw and back; a test's does nothing.
package final class TerminalModeSwitch: Sendable {
  private let makeRaw: @Sendable () throws -> TerminalDevice.SavedMode?
  private let restore: @Sendable (TerminalDevice.SavedMode) -> Void
  private let saved = Mutex<TerminalDevice.SavedMode?>(nil)

  package init(
    makeRaw: @escaping @Sendable () throws -> TerminalDevice.SavedMode?,
    restore: @escaping @Sendable (TerminalDevice.SavedMode) -> Void
  ) {
    self.makeRaw = makeRaw
    self.restore = restore
  }

  package convenience init(_ device: TerminalDevice) {
    self.init(makeRaw: { try device.makeRaw() }, restore: { device.restore($0) })
  }

  /// Does nothing when the terminal is raw already.
  package func enter() throws {
    try saved.withLock { saved in
      if saved == nil { saved = try makeRaw() }
    }
  }

  package func leave() {
    saved.withLock { saved in
      if let mode = saved { restore(mode) }
      saved = nil
    }
  }
}
