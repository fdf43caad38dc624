// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct DiskUsageCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "df", abstract: "Show how much disk space models and engines take.",
    discussion: """
      A file with several names, as bundles of engines have them, counts once. Copies that share their blocks on the \
      disk (reflinks) can't be told from others and count each.
      """)

  @Flag(help: "Print a JSON object.")
  var json = false

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon(quietly: json) { client in
      let usage: DiskUsage
      do {
        usage = try await client.diskUsage()
      } catch let error as ClientError where error.status != nil {
        throw CommandError(.storeUpkeep, "Failed to get disk usage: \(error)")
      }
      if json { return try context.printJSON(usage) }
      let parts = usage.parts ?? Self.parts(usage)
      let rows = parts.map { part in
        [
          part.type, HumanUnits.bytes(part.size), String(part.count), HumanUnits.bytes(part.reclaimable),
          part.command ?? "",
        ]
      }
      let header = ["TYPE", "SIZE", "COUNT", "RECLAIMABLE", "BY"]
      if usage.parts == nil {
        try context.output.write(
          TextTable(header: Array(header[..<2]), rows: rows.map { Array($0[..<2]) }).rendered())
      } else {
        try context.output.write(TextTable(header: header, rows: rows).rendered())
        if let shared = usage.shared, shared > 0 {
          context.errors.notice("\(HumanUnits.bytes(shared)) of the models are shared by several of them.")
        }
      }
    }
  }

  /// What other daemons tell.
  private static func parts(_ usage: DiskUsage) -> [DiskUsage.Part] {
    [
      DiskUsage.Part(type: "Models", count: 0, size: usage.modelsDiskUsage),
      DiskUsage.Part(type: "Inference engine", count: 0, size: usage.defaultBackendDiskUsage),
    ].filter { $0.type == "Models" || $0.size > 0 }
  }
}
