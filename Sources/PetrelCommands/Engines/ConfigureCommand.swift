// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelTerminal
import PetrelWire

/// `configure MODEL`, and `configure show [MODEL]`: a model that is called show can be named `show:latest`.
struct ConfigureCommand: PetrelSubcommand {
  // Computed, as the name depends on how the program was started.
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "configure", abstract: "Set how a model is run; it holds until the model is removed.",
      usage: """
        \(ProgramName.current) configure [options] <model> [-- <runtime flags> ...]
        \(ProgramName.current) configure show [<model>]
        """,
      discussion: """
        What is not named stays as it was; -1 takes a size or a count back to its default, and --reset everything. A \
        model that is in memory finishes its answers and is loaded anew. Runtime flags of the engine come after --, or \
        one word each after --runtime-flag. `show` prints what has been set, as JSON.
        """)
  }

  @OptionGroup var options: ModelOptions

  @Flag(help: "Forget everything that was set before.")
  var reset = false

  @Flag(inversion: .prefixedNo, exclusivity: .exclusive, help: "Load the model into memory afterwards.")
  var preload = true

  @Argument(help: "The model.")
  var model: [String] = []

  @Argument(parsing: .postTerminator, help: "Runtime flags of the engine.")
  var engineFlags: [String] = []

  private var isShow: Bool { model.first == "show" && model.count <= 2 && engineFlags.isEmpty }

  var modelNames: [String] { model }

  func validate() throws {
    guard model.count == 1 || isShow else {
      let place = engineFlags.isEmpty ? "" : " before --"
      throw ValidationError(
        "Exactly one model must be specified\(place), got \(model.count): [\(model.joined(separator: " "))]")
    }
  }

  func run(_ context: CommandContext) async throws {
    if isShow { return try await show(model.dropFirst().first, context) }
    var request = ConfigureRequest(
      model: model[0], mode: try options.modeName(), change: try options.change(), preloads: preload)
    request.change.resets = reset
    let flags = options.runtimeFlag + engineFlags
    if !flags.isEmpty { request.change.runtimeFlags = .set(flags) }
    if let preset = try options.presetValue() { request.change = preset.filling(request.change) }
    try await context.withDaemon(quietly: true) { client in
      do {
        try await client.configure(request)
      } catch let error as ClientError where error.status == 404 {
        throw CommandError(.modelNotFound, error.message)
      }
    }
  }

  private func show(_ model: String?, _ context: CommandContext) async throws {
    try await context.withDaemon(quietly: true) { client in
      let settings = try await client.settings(of: model)
      try context.output.line(try CanonicalJSONEncoder().node(for: settings).pretty(indent: "  "))
    }
  }
}
