// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct UnloadCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "unload", abstract: "Take models out of memory.",
    discussion: """
      Models that are answering a request stay, or with --when-idle go with their last answer. What was configured \
      stays too.
      """, aliases: ["stop"])

  @Flag(help: "Unload all models.")
  var all = false

  @Flag(help: "Models that are answering a request take no new one, and go with their last answer.")
  var whenIdle = false

  @Option(help: "Only from this backend.")
  var backend: String?

  @Flag(help: "Print a JSON object.")
  var json = false

  @Argument(help: "Names, tags or IDs.")
  var models: [String] = []

  var modelNames: [String] { models }

  func validate() throws {
    let name = ProgramName.current
    let usage = "Usage:  \(name) unload (MODEL [MODEL ...] [--backend BACKEND] | --all)"
    let advice = "See '\(name) unload --help' for more information."
    if models.isEmpty, !all {
      throw ValidationError("'\(name) unload' requires MODEL unless --all is specified.\n\n\(usage)\n\n\(advice)")
    }
    if !models.isEmpty, all {
      throw ValidationError("'\(name) unload' does not take MODEL when --all is specified.\n\n\(usage)\n\n\(advice)")
    }
  }

  func run(_ context: CommandContext) async throws {
    let result = try await context.withDaemon(quietly: json) { client in
      try await client.unload(UnloadRequest(all: all, backend: backend, models: models, whenIdle: whenIdle))
    }
    if json { return try context.printJSON(result) }
    let inUse = result.inUse ?? []
    if result.unloadedRunners > 0 {
      try context.output.line("Unloaded \(result.unloadedRunners) model(s).")
    } else if inUse.isEmpty {
      try context.output.line(all ? "No models are running." : "No such model(s) running.")
    }
    let fate = whenIdle ? "leaves memory with its last answer" : "stays in memory"
    for name in inUse { context.errors.notice("\(name) is answering a request and \(fate).") }
  }
}
