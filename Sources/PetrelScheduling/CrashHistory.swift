// SPDX-License-Identifier: Apache-2.0

import PetrelEngines

/// How often engines of a model have failed lately. One that fails again and again is not started at each request, but
/// after a pause that grows.
struct CrashHistory {
  typealias Instant = ContinuousClock.Instant

  struct Refusal: Equatable {
    let failures: Int
    let summary: String
    let kind: EngineFailure.Kind?
    let wait: Duration
  }

  private struct Row {
    var count = 0
    var last: Instant
    var pause = Duration.zero
    var summary = ""
    var kind: EngineFailure.Kind?
  }

  /// So many failures cost nothing.
  static let tolerated = 5
  /// Failures that are further apart have nothing to do with each other.
  static let window = Duration.seconds(60)
  static let firstPause = Duration.seconds(5)
  static let longestPause = Duration.seconds(60)
  private static let maximumRows = 256

  private var rows: [RunnerKey: Row] = [:]

  mutating func note(_ key: RunnerKey, _ summary: String, _ kind: EngineFailure.Kind?, now: Instant) {
    if rows.count >= Self.maximumRows { rows.removeAll() }
    var row = rows[key] ?? Row(last: now)
    if row.last + row.pause + Self.window < now { row = Row(last: now) }
    row.count += 1
    row.last = now
    (row.summary, row.kind) = (summary, kind)
    if row.count >= Self.tolerated {
      row.pause = row.pause == .zero ? Self.firstPause : min(row.pause * 2, Self.longestPause)
    }
    rows[key] = row
  }

  /// Why no engine is to be started now; nil when one may be.
  func refusal(_ key: RunnerKey, now: Instant) -> Refusal? {
    guard let row = rows[key], row.pause > .zero, now < row.last + row.pause else { return nil }
    return Refusal(
      failures: row.count, summary: row.summary, kind: row.kind, wait: now.duration(to: row.last + row.pause))
  }

  /// Something has changed that may help.
  mutating func forget(where isMeant: (RunnerKey) -> Bool) { rows = rows.filter { !isMeant($0.key) } }
}
