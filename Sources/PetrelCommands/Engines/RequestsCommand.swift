// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelClient
import PetrelTerminal

struct RequestsCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "requests", abstract: "Show the latest requests to models and their answers, as JSON.",
    discussion: """
      The daemon keeps requests on the disk, for a week and in at most 64 MiB, unless its settings record-requests, \
      records-age and records-size say something else.
      """)

  @Flag(name: [.short, .long], help: "Go on with requests as they are answered.")
  var follow = false

  @Flag(help: "With --follow: begin with those that are recorded already.")
  var includeExisting = false

  @Option(help: "Only requests to this model.")
  var model: String?

  @Option(help: "At most so many of each model, up to 100. (default: 10)")
  var limit: Int?

  func validate() throws {
    if includeExisting, !follow { throw ValidationError("--include-existing can only be used with --follow") }
    if let limit, !(1...100).contains(limit) { throw ValidationError("--limit must be a number from 1 to 100") }
  }

  func run(_ context: CommandContext) async throws {
    try await context.withDaemon(quietly: true) { client in
      do {
        guard follow else {
          let text = try await client.requests(model: model, limit: limit)
          return try context.output.write(text.hasSuffix("\n") ? text : text + "\n")
        }
        context.errors.notice("Connected to request stream. Press Ctrl+C to stop.")
        try await client.followRequests(model: model, limit: limit, includesExisting: includeExisting) { record in
          try context.output.line(record)
        }
        context.errors.notice("Stream closed by server.")
      } catch let error as ClientError where error.status != nil {
        let subject = model.map { " for \($0)" } ?? ""
        throw ClientError(error.code, "Failed to get requests\(subject): \(error.message)")
      }
    }
  }
}
