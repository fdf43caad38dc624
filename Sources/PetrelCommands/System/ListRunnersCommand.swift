// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelClient
import PetrelTerminal

struct ListRunnersCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "ps", abstract: "List the models that are loaded into memory.")

  @Flag(help: "Print a JSON array.")
  var json = false

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon(quietly: json) { client in
      let runners = try await client.runners()
      if json {
        try context.printJSON(runners)
      } else {
        let listing = RunnerListing(runners, names: context.names)
        try context.output.write(listing.rendered(now: context.clock.now()))
      }
    }
  }
}
