// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelOCI
import PetrelTerminal

struct LoadCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Add the model in a tar archive to the store.")

  @Argument(help: "What `export` or `package --output` wrote; - is standard input.")
  var file: String

  @Argument(help: "The name to give the model: archives hold none.")
  var model: String?

  var modelNames: [String] { model.map { [$0] } ?? [] }

  func run(_ context: CommandContext) async throws {
    if let model {
      guard try context.names.parse(model).tag != nil else {
        throw CommandError(.usage, "\"\(model)\" names a digest; give the model a name and a tag, as in name:v1")
      }
    }
    let (chunks, byteCount) = try ArchiveFile.open(file, context)
    try await context.withDaemon { client in
      let id: String?
      do {
        id = try await client.loadArchive(chunks, byteCount: byteCount) { line in
          if line.type == .warning { context.errors.notice("Warning: \(line.message)") }
        }
      } catch let error as ClientError where error.message.hasSuffix("unexpected EOF") {
        // The daemon's words, which scripts know.
        throw CommandError(
          .fileSystem,
          "\(file) is no archive of a model, or it is cut short; `\(ProgramName.current) export` writes archives")
      }
      if let model {
        guard let id else {
          throw CommandError(
            .usage, "the model is loaded, but the daemon does not tell its ID; find it with `list` and give it a name")
        }
        try await client.tag(id, as: model, names: context.names)
      }
      let name = model ?? id ?? "the model"
      try context.output.line("Loaded \(name)")
    }
  }
}
