// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

/// A place at a runner, held for the time of one request. Giving it back twice does nothing; dropping it gives it back.
package final class RunnerLease: Sendable {
  package let runner: RunnerID
  package let key: RunnerKey
  /// The Unix socket that the engine listens on.
  package let socket: FilePath
  private let board: RunnerBoard
  private let isReleased = Atomic(false)

  init(runner: RunnerID, key: RunnerKey, socket: FilePath, board: RunnerBoard) {
    self.runner = runner
    self.key = key
    self.socket = socket
    self.board = board
  }

  deinit { release() }

  package func release() {
    guard !isReleased.exchange(true, ordering: .relaxed) else { return }
    board.giveBack(runner)
  }
}
