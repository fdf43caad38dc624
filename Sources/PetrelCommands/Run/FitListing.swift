// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelMemory
import PetrelTerminal

/// What `run --dry-run` prints: the terms of the estimate, what is free, the verdict, and what would fit.
struct FitListing {
  private let report: FitReport

  init(_ report: FitReport) { self.report = report }

  func rendered() -> String {
    var text = "\(report.model) on \(report.backend): \(report.contextSize) tokens of context"
    if let asked = report.requestedContextSize { text += " (\(asked) asked for, but trained with fewer)" }
    text += ", \(report.slots) \(report.slots == 1 ? "request" : "requests") at a time\n\n"
    if let estimate = report.estimate {
      let rows = estimate.terms.map { [$0.name, Self.size($0.bytes), $0.detail] }
      text += TextTable(
        header: ["NEEDS", "MEMORY", ""], rows: rows + [["total", Self.size(estimate.total), ""]]
      ).rendered()
    }
    if let measured = report.measured { text += "\nmeasured: \(Self.size(measured))\n" }
    if let free = report.free { text += "\n" + Self.table(of: free) }
    text += "\n\(report.message)\n"
    if !report.wouldFit.isEmpty { text += "\n" + options }
    return text
  }

  private static func table(of free: FreeMemory) -> String {
    var rows = [["available", size(free.available), "without swapping"]]
    if free.heldFiles > 0 {
      rows.append(["- files of engines", size(free.heldFiles), "counted as available, but needed"])
    }
    rows.append(["- reserve", size(free.reserve), "for everything else"])
    if free.loading > 0 { rows.append(["- loading", size(free.loading), "engines on their way"]) }
    if let limit = free.limit { rows.append(["limit", size(limit), "memory-limit, \(size(free.held)) of it in use"]) }
    rows.append(["free for this", size(free.usable), ""])
    if free.evictable > 0 { rows.append(["+ idle models", size(free.evictable), "unloaded when they have to be"]) }
    return TextTable(header: ["THERE IS", "MEMORY", ""], rows: rows).rendered()
  }

  private var options: String {
    let rows = report.wouldFit.map { option in
      [
        String(option.contextSize), String(option.slots), option.cacheType, Self.size(option.total),
        "configure \(option.flags.joined(separator: " ")) \(report.model)",
      ]
    }
    return TextTable(header: ["CONTEXT", "REQUESTS", "CACHE", "MEMORY", "WITH"], rows: rows).rendered()
  }

  private typealias FreeMemory = FitReport.Free

  private static func size(_ bytes: Int64) -> String { ByteCount(bytes).text }
}
