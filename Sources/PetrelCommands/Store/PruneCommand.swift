// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct PruneCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove what no model needs.",
    discussion: """
      Partial downloads, layers of pulls that failed, what crashes left behind. What a pull or a load is working on \
      stays. With --all, models without a tag that are not loaded and inference engines that are not used go too.
      """)

  @Flag(name: [.short, .long], help: "Also models without a tag and engines that are not used.")
  var all = false

  @Flag(help: "Only show what would be removed.")
  var dryRun = false

  @Flag(name: [.short, .long], help: "Do not ask.")
  var force = false

  @Flag(help: "Print a JSON object.")
  var json = false

  func validate() throws {
    if json && !force && !dryRun { throw ValidationError("--json asks nothing: add --force or --dry-run") }
  }

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon(quietly: json) { client in
      if !force || dryRun {
        let plan = try await client.prune(PruneRequest(all: all, dryRun: true))
        if dryRun || plan.items.isEmpty { return try show(plan, context) }
        try show(plan, context)
        try await Confirmation.require(context)
      }
      let report = try await client.prune(PruneRequest(all: all))
      if force {
        try show(report, context)
      } else {
        try context.output.line(Self.total(report))
      }
    }
  }

  private func show(_ report: PruneReport, _ context: CommandContext) throws {
    if json { return try context.printJSON(report) }
    if !report.items.isEmpty {
      let rows = report.items.map { [$0.kind, HumanUnits.bytes($0.size), $0.name] }
      try context.output.write(TextTable(header: ["KIND", "SIZE", "NAME"], rows: rows).rendered())
    }
    try context.output.line(Self.total(report))
  }

  private static func total(_ report: PruneReport) -> String {
    (report.dryRun ? "Reclaimable space: " : "Total reclaimed space: ") + HumanUnits.bytes(report.reclaimed)
  }
}
