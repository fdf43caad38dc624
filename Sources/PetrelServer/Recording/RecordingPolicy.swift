// SPDX-License-Identifier: Apache-2.0

/// What of requests is recorded.
package struct RecordingPolicy: Sendable {
  package enum Scope: String, Sendable, CaseIterable {
    case all
    /// Who asked which model when, and with what outcome.
    case withoutBodies = "without-bodies"
    case off
  }

  package var scope: Scope
  package var redaction: Redaction

  package init(scope: Scope = .all, redaction: Redaction = Redaction()) {
    self.scope = scope
    self.redaction = redaction
  }
}
