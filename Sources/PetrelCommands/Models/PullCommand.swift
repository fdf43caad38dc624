// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelSigning
import PetrelTerminal

struct PullCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Download a model from a registry.")

  @Flag(help: "Refuse the model unless it is signed.")
  var verify = false

  @Option(
    help: ArgumentHelp(
      "With --verify: a signer's public key; may be given again. (default: the keys in the daemon's configuration)",
      valueName: "file"))
  var key: [String] = []

  @Argument(
    help: "For example ai/smollm2, hf.co/org/model:Q4_K_M, myorg/model:v1 or registry.example.com/org/model@sha256:…."
  )
  var model: String

  var modelNames: [String] { [model] }

  func validate() throws {
    if !verify && !key.isEmpty { throw ValidationError("--key does nothing without --verify") }
  }

  func run(_ context: CommandContext) async throws {
    let keys = try key.flatMap { try KeyFile(context.resolve($0)).verificationKeys().map(\.pem) }
    try await context.withDaemon { client in
      let success = try await Transfer(
        mode: .pull, model: model, context: context, verifyKeys: verify ? keys : nil
      ).run(with: client)
      try context.output.line(success)
    }
  }
}
