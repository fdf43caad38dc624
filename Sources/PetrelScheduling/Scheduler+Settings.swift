// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelEngines
import PetrelOCI

extension Scheduler {
  /// Changes what is set for a model in one mode, and puts it into effect: engines that were started with other settings
  /// finish what they are working on and are replaced when the next request comes.
  ///
  /// - Throws: ``EngineError`` with code `invalidSettings`, or what keeps the settings from being stored. Nothing has
  ///   changed then.
  package func configure(_ key: RunnerKey, _ change: SettingsChange) async throws {
    try await settings.change(key, change) { [launcher] in try await launcher.check($0, mode: key.mode) }
    crashes.forget { $0.model == key.model }
    for (id, runner) in runners where runner.key.model == key.model && draining[id] == nil {
      let effective = settings.effective(runner.key)
      guard runner.launch == effective.launch else { continue }
      board.setKeepAlive(effective.keepAlive, of: id)
      board.setLimit(effective.maximumConcurrency, of: id)
    }
    for mode in EngineMode.allCases {
      let affected = RunnerKey(model: key.model, mode: mode)
      retireRunners(of: affected, otherThan: settings.effective(affected).launch)
    }
  }
}
