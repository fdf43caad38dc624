// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelClient
import PetrelOCI
import PetrelTerminal

struct TagCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(commandName: "tag", abstract: "Give a model another name.")

  @Argument(help: "A name, a tag or an ID.")
  var source: String

  @Argument(help: "The new name, with a tag or without.")
  var target: String

  var modelNames: [String] { [source, target] }

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon { client in
      try await client.tag(source, as: target, names: context.names)
      try context.output.line("Model \"\(source)\" tagged successfully with \"\(target)\"")
    }
  }
}

extension DaemonClient {
  /// - Parameter target: as the user typed it.
  func tag(_ source: String, as target: String, names: ModelNames) async throws {
    let reference: ModelReference
    do {
      reference = try names.parse(target)
    } catch let error as OCIError {
      throw CommandError(.usage, "invalid tag: \(error)")
    }
    guard let tag = reference.tag else {
      throw CommandError(.usage, "invalid tag: \"\(target)\" names a digest; give the new name a tag, as in name:v1")
    }
    do {
      try await self.tag(source, repository: "\(reference.registry)/\(reference.repository)", tag: tag)
    } catch let error as ClientError where error.status != nil {
      throw CommandError(.modelNotFound, "failed to tag model \(source): \(error)")
    }
  }
}
