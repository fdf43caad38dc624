// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelTerminal

struct PullCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Download a model from a registry.")

  @Argument(help: "For example ai/smollm2, myorg/model:v1 or registry.example.com/org/model@sha256:….")
  var model: String

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon { client in
      let success = try await Transfer(mode: .pull, model: model, context: context).run(with: client)
      try context.output.line(success)
    }
  }
}
