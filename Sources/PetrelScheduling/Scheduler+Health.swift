// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelEngines
import PetrelProcess

extension Scheduler {
  /// Ends an engine that has requests and does not even say that it is well, so that they come to an end. Runs until the
  /// engine has ended.
  func watchHealth(of id: RunnerID) async {
    var silences = 0
    while let runner = runners[id] {
      do {
        try await Task.sleep(for: limits.healthInterval)
      } catch {
        return
      }
      guard board.isInUse(id) else {
        silences = 0
        continue
      }
      silences = await launcher.answers(runner.engine) ? 0 : silences + 1
      guard silences >= SchedulingLimits.toleratedSilences, runners[id] != nil else { continue }
      logger.error(
        "an engine hangs and is ended", metadata: ["model": "\(runner.name)", "pid": "\(runner.engine.pid)"])
      hung.insert(id)
      await runner.engine.process.stop(grace: .seconds(1))
      return
    }
  }
}
