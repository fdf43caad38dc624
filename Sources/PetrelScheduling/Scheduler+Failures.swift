// SPDX-License-Identifier: Apache-2.0

import PetrelEngines
import PetrelOCI

/// An engine that could not be loaded, or that ended by itself.
package struct FailedRunner: Sendable {
  package let key: RunnerKey
  /// The model's name as the first request wrote it.
  package let name: String
  /// Why, in one line: cause and next step.
  package let summary: String
  /// What kind of failure it is, where that is known.
  package let kind: EngineFailure.Kind?
  let time: ContinuousClock.Instant
}

extension Scheduler {
  /// Listings show a failure for so long, unless the model is loaded before.
  private static let shownFor = Duration.seconds(600)
  private static let maximumFailures = 16

  /// Remembers a failure for listings. Errors that are no failures of an engine are left out.
  func noteFailure(of key: RunnerKey, _ name: String, _ error: any Error) {
    guard let error = error as? EngineError else { return }
    let line = error.message.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    let summary = error.failure?.summary ?? line
    noteFailure(of: key, name, summary, error.failure?.kind)
    switch error.code {
    case .exitedDuringLoad, .launchFailed, .loadTimedOut, .outOfMemory:
      crashes.note(key, summary, error.failure?.kind, now: .now)
    case .notInstalled, .unsupportedModel, .installFailed, .invalidSettings, .contextSizeMismatch: break
    }
  }

  /// Another engine is installed: failures so far say nothing of it.
  package func forgetFailures() { crashes.forget { _ in true } }

  /// Tells a request that its model's engine has failed too often to be started for it.
  static func pausing(_ name: String, _ refusal: CrashHistory.Refusal) -> SchedulingError {
    let wait = refusal.wait.components.seconds + 1
    return SchedulingError(
      .paused,
      "the engine of \(name) has failed \(refusal.failures) times lately and is not started again for \(wait) s; the last "
        + "time: \(refusal.summary)", reason: refusal.kind, retryAfter: .seconds(wait))
  }

  func noteFailure(of key: RunnerKey, _ name: String, _ summary: String, _ kind: EngineFailure.Kind?) {
    failures.removeAll { $0.key == key }
    failures.append(FailedRunner(key: key, name: name, summary: summary, kind: kind, time: .now))
    if failures.count > Self.maximumFailures { failures.removeFirst() }
  }

  /// What has failed lately and not been loaded since, the last one at the end.
  package func failed() -> [FailedRunner] {
    failures.removeAll { $0.time + Self.shownFor < .now || loads[$0.key] != nil }
    return failures
  }
}
