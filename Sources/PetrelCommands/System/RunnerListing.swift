// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelTerminal

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The table of `ps`.
struct RunnerListing {
  private static let defaultKeepAlive: Int64 = 5 * 60

  private let runners: [RunnerObject]
  private let names: ModelNames

  init(_ runners: [RunnerObject], names: ModelNames) {
    self.runners = runners
    self.names = names
  }

  /// - Parameter now: seconds since 1970.
  func rendered(now: Double) -> String {
    let rows = runners.map { runner in
      [
        name(of: runner), runner.backendName, runner.mode, Self.until(runner, now: now),
        runner.contextSize.map(String.init) ?? "",
      ]
    }
    return TextTable(header: ["MODEL NAME", "BACKEND", "MODE", "UNTIL", "CONTEXT"], rows: rows).rendered()
      + runners.compactMap { runner in runner.error.map { "\n\(name(of: runner)) failed: \($0)\n" } }.joined()
  }

  private func name(of runner: RunnerObject) -> String {
    let name = runner.modelName
    return name.hasPrefix("sha256:") ? String(name.dropFirst(7).prefix(12)) : names.display(name).lowercased()
  }

  /// When the runner is unloaded if nobody uses it.
  static func until(_ runner: RunnerObject, now: Double) -> String {
    if runner.failed == true { return "Failed" }
    if runner.loading == true { return "Loading..." }
    if runner.draining == true { return "Finishing" }
    if runner.keepAlive == "-1" { return "Forever" }
    let keepAlive = runner.keepAlive.flatMap(GoDuration.parse)?.components.seconds ?? defaultKeepAlive
    if keepAlive < 0 { return "Forever" }
    var left = keepAlive
    if runner.inUse != true, let lastUsed = lastUsed(runner) { left = Int64(lastUsed + Double(keepAlive) - now) }
    return left <= 0 ? "Expiring" : HumanUnits.duration(seconds: left) + " from now"
  }

  /// Seconds since 1970; nil for the year 1, which stands for never.
  private static func lastUsed(_ runner: RunnerObject) -> Double? {
    // The fraction has up to nine digits; Foundation reads at most three. Seconds are all that is needed.
    let text = runner.lastUsed.replacing(/\.[0-9]+/, with: "")
    guard let date = try? Date(text, strategy: .iso8601), date.timeIntervalSince1970 > 0 else { return nil }
    return date.timeIntervalSince1970
  }
}
