// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct RemoveCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove models from this machine.",
    discussion: "A tag of a model that has several is only untagged.")

  @Flag(name: [.short, .long], help: "Remove a model by its ID even if it has several tags.")
  var force = false

  @Argument(help: "Names, tags or IDs.")
  var models: [String]

  var modelNames: [String] { models }

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon { client in
      var hasFailed = false
      for model in models {
        do {
          for action in try await client.remove(model, force: force) {
            if let tag = action.untagged { try context.output.line("Untagged: \(tag)") }
            if let id = action.deleted { try context.output.line("Deleted: \(id)") }
          }
        } catch let error as ClientError where error.status != nil {
          hasFailed = true
          // The daemon's words, which scripts know, say that it must be forced, but not how.
          let hint =
            error.message.contains("must be forced")
            ? "; `\(ProgramName.current) rm --force \(model)` removes it with all its tags" : ""
          let reason = error.status == 404 ? "no such model: \(model)" : "\(error)\(hint)"
          context.errors.notice("Error: Failed to remove model: \(reason)")
        }
      }
      // Each failure has been shown.
      if hasFailed { throw ExitCode.failure }
    }
  }
}
