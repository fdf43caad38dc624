// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelClient

struct InspectCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what is known about a model, as JSON.")

  @Flag(help: "Print OpenAI's model object.")
  var openai = false

  @Flag(name: [.short, .long], help: "Ask the model's registry instead of this machine.")
  var remote = false

  @Argument(help: "A name, a tag or an ID.")
  var model: String

  var modelNames: [String] { [model] }

  func validate() throws {
    if remote && openai { throw ValidationError("--remote flag cannot be used with --openai flag") }
  }

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon(quietly: true) { client in
      do {
        if openai {
          try context.printJSON(try await client.openAIModel(model))
        } else {
          try context.printJSON(try await client.model(model, remote: remote))
        }
      } catch let error as ClientError where error.status == 404 {
        let advice = remote ? "" : "; pull it with `\(ProgramName.current) pull \(model)`"
        throw CommandError(.modelNotFound, "Failed to get model \(model): \(model): model not found\(advice)")
      }
    }
  }
}
