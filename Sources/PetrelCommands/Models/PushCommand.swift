// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelTerminal

struct PushCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Upload a model to the registry that its name says.")

  @Argument(help: "A tag of a model on this machine.")
  var model: String

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon { client in
      let success = try await Transfer(mode: .push, model: model, context: context).run(with: client)
      try context.output.line(success)
    }
  }
}
