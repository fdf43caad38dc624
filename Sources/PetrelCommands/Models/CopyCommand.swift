// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelTerminal

struct CopyCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "copy", abstract: "Copy a model from registry to registry.",
    discussion: """
      Nothing is stored on this machine: each layer is checked and sent on while it is read. Within one registry no \
      layer moves at all, if the registry can do that. The daemon does the work, with the credentials that it uses for \
      pulls and pushes.
      """)

  @Argument(help: "A model in a registry, by tag or digest.")
  var source: String

  @Argument(help: "Its new name, with registry and tag.")
  var target: String

  var modelNames: [String] { [source, target] }

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon { client in
      let success = try await Transfer(mode: .push, model: source, context: context, copyTarget: target)
        .run(with: client)
      try context.output.line(success)
    }
  }
}
