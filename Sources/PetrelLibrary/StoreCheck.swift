// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import Synchronization
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Looks whether the store is what it claims to be: all bytes of all files, each compared with its digest. As many files
/// at a time as the machine has cores, in little memory.
///
/// Reports as it goes; a slow reader of the reports slows the check.
final class StoreCheck: Sendable {
  typealias Report = @Sendable (StoreCheckLine) async throws -> Void

  let library: ModelLibrary
  /// Only these; nil for everything.
  let models: Set<Digest>?
  let report: Report
  private let summary = Mutex(StoreCheckSummary())

  init(library: ModelLibrary, models: Set<Digest>?, report: @escaping Report) {
    self.library = library
    self.models = models
    self.report = report
  }

  /// Returns what was found. Every finding has been reported.
  func run() async throws -> [StoreFinding] {
    let store = library.store
    let inspection = try await store.inspect(models)
    let names = try await store.tags()
    let meter = Meter(total: inspection.files.reduce(0) { $0 + $1.size })
    try await report(await meter.line)
    var findings = inspection.findings
    for finding in findings { try await report(StoreCheckLine(.problem, problem: StoreProblem(finding, names))) }

    try await withThrowingTaskGroup(of: StoreFinding?.self) { group in
      var waiting = inspection.files[...]
      func addNext() {
        guard let file = waiting.popFirst() else { return }
        group.addTask { [report] in
          try await store.verify(file) { count in
            if let line = await meter.add(count) { try await report(line) }
          }
        }
      }
      for _ in 0..<max(1, ProcessInfo.processInfo.activeProcessorCount) { addNext() }
      while let outcome = try await group.next() {
        addNext()
        guard let finding = outcome else { continue }
        findings.append(finding)
        try await report(StoreCheckLine(.problem, problem: StoreProblem(finding, names)))
      }
    }
    try await report(await meter.line)
    summary.withLock { [findings] summary in
      summary.models = models?.count ?? names.count
      summary.files = inspection.files.count
      summary.bytes = inspection.files.reduce(0) { $0 + $1.size }
      summary.damaged = findings.count { $0.kind.isDamage }
      summary.reclaimable = findings.reduce(0) { $0 + ($1.kind.isDamage ? 0 : $1.size) }
    }
    return findings
  }

  /// Tells of each damage what has become of it, then the summary. The last line.
  func conclude(_ findings: [StoreFinding], outcomes: [StoreFinding: StoreRepair.Outcome]) async throws {
    let names = try await library.store.tags()
    for finding in findings {
      guard let outcome = outcomes[finding] else { continue }
      if outcome.isRepaired { summary.withLock { $0.repaired += 1 } }
      try await report(
        StoreCheckLine(
          outcome.isRepaired ? .repaired : .unrepaired, message: outcome.message,
          problem: StoreProblem(finding, names)))
    }
    try await report(StoreCheckLine(.summary, summary: summary.withLock { $0 }))
  }

  /// Counts bytes and says when it is time for another line of progress.
  private actor Meter {
    private static let step: Int64 = 64 * 1024 * 1024

    private let total: Int64
    private var checked: Int64 = 0
    private var reported: Int64 = 0

    init(total: Int64) { self.total = total }

    var line: StoreCheckLine { StoreCheckLine(.progress, checked: checked, total: total) }

    func add(_ count: Int) -> StoreCheckLine? {
      checked += Int64(count)
      guard checked - reported >= Self.step else { return nil }
      reported = checked
      return line
    }
  }
}

extension StoreProblem {
  /// - Parameter names: tags by model.
  init(_ finding: StoreFinding, _ names: [Digest: [String]]) {
    self.init(
      kind: finding.kind.rawValue, isDamage: finding.kind.isDamage, path: finding.path.string,
      models: finding.models.flatMap { id in
        let tags = names[id] ?? []
        return tags.isEmpty ? [id.description] : tags
      }, size: finding.size, message: finding.message)
  }
}
