// SPDX-License-Identifier: Apache-2.0

/// How much the scheduler lets happen at a time, and how long it lets wait.
package struct SchedulingLimits: Sendable {
  /// Engines at a time, loading ones included.
  package var maximumRunners: Int
  /// Requests that wait for one model.
  package var maximumQueue: Int
  /// How long a model waits for others to become idle.
  package var queueTimeout: Duration
  /// How long it waits before a busy one takes no new requests for its sake.
  package var patience: Duration
  /// How often an engine that has requests is asked whether it is well.
  package var healthInterval: Duration
  /// So many times in a row without an answer, and it counts as hanging.
  static let toleratedSilences = 5

  package init(
    maximumRunners: Int, maximumQueue: Int = RunnerBoard.waitersPerRunner, queueTimeout: Duration = .seconds(300),
    patience: Duration = .seconds(5), healthInterval: Duration = .seconds(15)
  ) {
    self.maximumRunners = maximumRunners
    self.maximumQueue = maximumQueue
    self.queueTimeout = queueTimeout
    self.patience = patience
    self.healthInterval = healthInterval
  }
}
