// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal

struct RunCommand: PetrelSubcommand {
  enum Color: String, ExpressibleByArgument, CaseIterable {
    case auto, yes, no
  }

  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Ask a model a question, or chat with it.",
    discussion: """
      Text on standard input is added to the prompt. Without any prompt, a chat begins on the terminal. A model that is not on this machine is pulled first.
      """)

  @Option(help: "Whether to use colours and faces on terminals.")
  var color = Color.auto

  @Flag(help: "Say what is done.")
  var debug = false

  @Flag(name: [.short, .long], help: "Only load the model into memory.")
  var detach = false

  @Flag(help: "Only say how much memory the model needs, and whether it is there.")
  var dryRun = false

  @Flag(help: "With --dry-run: print a JSON object.")
  var json = false

  @Argument(help: "For example ai/smollm2.")
  var model: String

  @Argument(help: "The question.")
  var prompt: [String] = []

  var modelNames: [String] { [model] }

  func validate() throws {
    if json && !dryRun { throw ValidationError("--json goes with --dry-run only") }
    if detach && !prompt.isEmpty {
      throw ValidationError("--detach only loads the model and asks nothing: leave out the prompt, or --detach")
    }
  }

  func run(_ context: CommandContext) async throws {
    if dryRun {
      // Pulls nothing: a look must not cost a download.
      return try await context.withDaemon(quietly: true) { client in
        let report = try await client.fit(model: model)
        if json { try context.printJSON(report) } else { try context.output.write(FitListing(report).rendered()) }
      }
    }
    let prompt = detach ? nil : try await PromptSource.prompt(words: prompt, context: context)
    if debug {
      context.errors.notice("Running model \(model)" + (prompt.map { " with prompt \($0)" } ?? ""))
    }
    try await context.withDaemon { client in
      try await pullIfMissing(with: client, context)
      if detach {
        try await load(with: client, context)
      } else if let prompt {
        try await answer(prompt, with: client, context)
      } else {
        try await ChatLoop(model: model, client: client, context: context, isStyled: color != .no).run()
      }
    }
  }

  private func pullIfMissing(with client: DaemonClient, _ context: CommandContext) async throws {
    do {
      _ = try await client.model(model)
    } catch let error as ClientError where error.status == 404 {
      context.errors.notice("Unable to find model '\(model)' locally. Pulling from the server.")
      let success = try await Transfer(mode: .pull, model: model, context: context).run(with: client)
      context.errors.notice(success)
    }
  }

  private func load(with client: DaemonClient, _ context: CommandContext) async throws {
    do {
      try await WaitingLine.during(model, context) { _ in try await client.preload(model: model) }
    } catch let error as ClientError where error.status != nil {
      throw ClientError(error.code, "Failed to load model: \(error)")
    }
    if debug { context.errors.notice("Model \(model) loaded successfully") }
  }

  private func answer(_ prompt: String, with client: DaemonClient, _ context: CommandContext) async throws {
    var printer = AnswerPrinter(output: context.output, errors: context.errors, isStyled: color != .no)
    do {
      try await WaitingLine.during(model, context) { waiting in
        try await client.chat(model: model, messages: [ChatMessage(.user, prompt)]) { event in
          waiting.erase()
          try printer.show(event)
        }
      }
    } catch {
      // What has come stays; the message goes to a line of its own.
      try printer.finish()
      guard let error = error as? ClientError else { throw error }
      throw ClientError(error.code, "Failed to generate a response: \(error)")
    }
    try printer.finish()
  }
}
