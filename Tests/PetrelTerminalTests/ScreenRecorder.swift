// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import Synchronization

/// Keeps what is written to an output.
final class ScreenRecorder: Sendable {
  private let written = Mutex("")

  var text: String { written.withLock { $0 } }

  func output(isTerminal: Bool, columns: Int = 80, rows: Int = 24) -> TextOutput {
    TextOutput(
      isTerminal: isTerminal, isStyled: false, size: { TerminalDevice.Size(columns: columns, rows: rows) }
    ) { text throws(TerminalError) in
      self.written.withLock { $0 += text }
    }
  }
}
