// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct PurgeCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "purge", abstract: "Remove all models.",
    discussion:
      "Ends all transfers, unloads all models and empties the store. `petrel prune` removes only what is not needed.")

  @Flag(name: [.short, .long], help: "Do not ask.")
  var force = false

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon { client in
      let models = try await client.models().count
      let bytes = try await client.diskUsage().modelsDiskUsage
      let size = HumanUnits.bytes(bytes)
      if !force, models > 0 || bytes > 0 {
        context.errors.notice("\(models) model(s), \(size).")
        context.errors.notice("WARNING! This will remove the entire models directory.")
        try await Confirmation.require(context)
      }
      do {
        try await client.purge()
      } catch let error as ClientError where error.status != nil {
        throw CommandError(.storeUpkeep, "Failed to purge: \(error)")
      }
      context.errors.notice("Removed \(models) model(s), \(size).")
    }
  }
}
