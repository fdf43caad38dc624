// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct UnloadCommand: PetrelSubcommand {
  // Computed, as the name depends on how the program was started.
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "unload", abstract: "Take models out of memory.",
      usage: "\(ProgramName.current) unload (<model> ... [--backend <backend>] | --all) [--when-idle] [--json]",
      discussion: """
        Models that are answering a request stay, or with --when-idle go with their last answer. What was configured \
        stays too.
        """, aliases: ["stop"])
  }

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
    if models.isEmpty, !all { throw ValidationError("'\(name) unload' requires MODEL unless --all is specified.") }
    if !models.isEmpty, all {
      throw ValidationError("'\(name) unload' does not take MODEL when --all is specified.")
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
