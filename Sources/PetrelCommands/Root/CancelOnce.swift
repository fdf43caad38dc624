// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Cancels the command at the first call and ends the process at the second: the user is out of patience.
final class CancelOnce: Sendable {
  private let task: Task<Void, any Error>
  private let terminalMode: TerminalModeSwitch
  private let status: Int32
  private let isCancelled = Mutex(false)

  init(task: Task<Void, any Error>, terminalMode: TerminalModeSwitch, status: Int32) {
    self.task = task
    self.terminalMode = terminalMode
    self.status = status
  }

  func callAsFunction() {
    let wasCancelled = isCancelled.withLock { isCancelled in
      defer { isCancelled = true }
      return isCancelled
    }
    guard wasCancelled else {
      task.cancel()
      return
    }
    terminalMode.leave()
    exit(status)
  }
}
