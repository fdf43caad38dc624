// SPDX-License-Identifier: Apache-2.0

/// What happens to models' engines, for those who count. Told from within the scheduler: who listens must return at once.
package struct SchedulingEvent: Sendable {
  /// Why an engine ended.
  package enum End: String, Sendable, CaseIterable {
    /// To make room for another.
    case evicted
    /// Nobody had used it for its keep-alive time.
    case idle
    /// Somebody asked for it, the model was removed, or its settings were changed.
    case unloaded
    /// By itself.
    case crashed
  }

  package enum Kind: Sendable {
    case loaded(after: Duration)
    case loadFailed
    case ended(End)
  }

  package let key: RunnerKey
  /// As the request that caused the load wrote the model.
  package let name: String
  package let kind: Kind

  package init(_ key: RunnerKey, name: String, _ kind: Kind) {
    self.key = key
    self.name = name
    self.kind = kind
  }
}
