// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct FsckCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "fsck", abstract: "Check that all models are on the disk as they should be.",
    discussion: """
      Reads all files and compares them with their digests; looks at the index, at manifests and at bundles. The exit \
      status is 1 when damage is left.
      """)

  @Flag(help: "Pull again what is broken; a broken file stays until the fresh one is whole.")
  var repair = false

  @Flag(help: "With --repair: remove models that can't be repaired.")
  var removeBroken = false

  @Flag(help: "Print a JSON object.")
  var json = false

  @Argument(help: "Only these: names, tags or IDs.")
  var models: [String] = []

  var modelNames: [String] { models }

  func validate() throws {
    if removeBroken && !repair { throw ValidationError("--remove-broken can only be used with --repair") }
  }

  func run(_ context: CommandContext) async throws {
    let request = StoreCheckRequest(
      models: models.isEmpty ? nil : models, repair: repair ? true : nil, removeBroken: removeBroken ? true : nil)
    try await context.withDaemon(quietly: json) { client in
      var report = StoreCheckReport()
      var progress = CheckProgress(output: context.errors, uptime: context.clock.uptime)
      let summary: StoreCheckSummary
      do {
        summary = try await client.checkStore(request) { line in
          report.add(line)
          if line.type == .progress {
            progress.show(line)
          } else if !json {
            progress.clear()
            try context.output.write(StoreCheckReport.text(of: line))
          }
        }
      } catch let error as ClientError {
        progress.clear()
        throw CommandError(.storeUpkeep, "Failed to check the store: \(error)")
      }
      progress.clear()
      report.summary = summary
      if json { try context.printJSON(report) } else { try context.output.line(report.conclusion(repairs: repair)) }
      if summary.damaged > summary.repaired { throw ExitCode.failure }
    }
  }
}
