// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelProcess
import SystemPackage

extension Scheduler {
  /// An engine that is loaded, with what is needed to ask it for something.
  package struct Engine: Sendable {
    package let id: RunnerID
    package let key: RunnerKey
    package let pid: Int32
    /// The Unix socket that it listens on.
    package let socket: FilePath
  }

  /// In the order in which they were started.
  package func engines() -> [Engine] {
    runners.map { id, runner in
      Engine(id: id, key: runner.key, pid: runner.engine.process.pid, socket: runner.engine.socket)
    }.sorted { $0.id < $1.id }
  }
}
