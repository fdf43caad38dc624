// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelClient
import PetrelTerminal

struct ExportCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a model of the store to a tar archive.")

  @Argument(help: "A name, a tag or an ID.")
  var model: String

  @Argument(help: "The archive; - is standard output.")
  var file: String

  var modelNames: [String] { [model] }

  func run(_ context: CommandContext) async throws {
    guard file != "-" || !context.output.isTerminal else {
      throw CommandError(.usage, "an archive is nothing for a terminal; name a file or redirect the output")
    }
    try await context.withDaemon { client in try await Self.export(model, to: file, with: client, context) }
  }

  static func export(
    _ model: String, to file: String, with client: DaemonClient, _ context: CommandContext
  ) async throws {
    do {
      try await ArchiveFile.write(to: context.resolve(file == "-" ? "/dev/stdout" : file)) { sink in
        try await client.export(model, sink)
      }
    } catch let error as ClientError where error.status == 404 {
      throw CommandError(
        .modelNotFound, "\(model): model not found; `\(ProgramName.current) list` shows the models that are here")
    }
    context.errors.notice("Model exported to \"\(file)\"")
  }
}
