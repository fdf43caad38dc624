// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelClient
import PetrelTerminal

struct LogsCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Show the logs of the daemon and its engines, by time.")

  @Flag(name: [.short, .long], help: "Go on with new lines as they come.")
  var follow = false

  @Flag(help: "Leave out the engines' output.")
  var noEngines = false

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon(quietly: true) { client in
      try await client.logs(follow: follow, withoutEngines: noEngines) { piece in
        try context.output.write(TerminalText.printable(piece, keepingLayout: true))
      }
    }
  }
}
