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
      let size = HumanUnits.bytes(try await client.diskUsage().modelsDiskUsage)
      if !force {
        context.errors.notice("\(models) model(s), \(size).")
        try context.output.line("WARNING! This will remove the entire models directory.")
        guard try await Confirmation.ask(context) else { return }
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
