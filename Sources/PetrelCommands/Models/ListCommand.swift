// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelOCI
import PetrelTerminal

struct ListCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the models on this machine.", aliases: ["ls"])

  @Flag(help: "Print a JSON array.")
  var json = false

  @Flag(help: "Print OpenAI's list object.")
  var openai = false

  @Flag(name: [.short, .long], help: "Print only short model IDs.")
  var quiet = false

  @Argument(help: "Only this model; all of its tags when it is given without one.")
  var model: String?

  var modelNames: [String] { model.map { [$0] } ?? [] }

  func validate() throws {
    if quiet && openai { throw ValidationError("--quiet flag cannot be used with --openai flag or OpenAI backend") }
  }

  func run(_ context: CommandContext) async throws {
    let isForPrograms = json || openai || quiet
    try await context.withDaemon(quietly: isForPrograms) { client in
      if openai {
        try showOpenAI(try await client.openAIModels(), context)
      } else {
        try show(try await client.models(), context)
      }
    }
  }

  private func showOpenAI(_ list: OpenAIModelList, _ context: CommandContext) throws {
    let shown = list.data.filter { entry in
      model.map { context.names.matches(entry.id, filter: $0) } ?? true
    }
    try context.printJSON(OpenAIModelList(data: shown))
  }

  private func show(_ all: [ModelObject], _ context: CommandContext) throws {
    let models = model.map { ModelListing.filter(all, by: $0, names: context.names) } ?? all
    if json {
      try context.printJSON(models)
    } else if quiet {
      for model in models { try context.output.line(model.id.short) }
    } else {
      let listing = ModelListing(models, names: context.names)
      try context.output.write(listing.rendered(now: context.clock.now()))
    }
  }
}
