// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelTerminal

/// Where a daemon that is started in the background listens.
struct RunnerOptions: ParsableArguments {
  @Option(help: "The TCP port. (default: 12434)")
  var port: UInt16?

  @Option(help: "An address to listen on with TCP; may be repeated. (default: 127.0.0.1)")
  var host: [String] = []

  @Flag(help: "Log more.")
  var debug = false

  @Flag(help: "Accepted for Docker Model Runner's sake: Petrel tracks nobody.")
  var doNotTrack = false

  /// Arguments of `serve`.
  var arguments: [String] {
    var arguments = host.flatMap { ["--host", $0] }
    if let port { arguments += ["--port", String(port)] }
    if debug { arguments += ["--log-level", "debug"] }
    return arguments
  }
}

struct StartRunnerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "start-runner", abstract: "Start the daemon in the background.")

  @OptionGroup var options: RunnerOptions

  @Option(help: "The backend to use; there is but llama.cpp.")
  var backend: String?

  func run(_ context: CommandContext) async throws {
    try InstallRunnerCommand.checkBackend(backend)
    guard try await context.startRunner(options.arguments) else {
      try context.output.line("The petrel daemon is already running")
      return
    }
  }
}

struct StopRunnerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "stop-runner", abstract: "Stop the daemon of this machine.",
    discussion: "Answers that are running get the time that `shutdown-grace` gives them.")

  @Flag(help: "Remove all models first.")
  var models = false

  func run(_ context: CommandContext) async throws {
    if models { try await context.removeAllModels() }
    if try await !context.stopRunner() { try context.output.line("The petrel daemon is not running") }
  }
}

struct RestartRunnerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "restart-runner", abstract: "Stop the daemon of this machine and start it in the background.")

  @OptionGroup var options: RunnerOptions

  func run(_ context: CommandContext) async throws {
    _ = try await context.stopRunner()
    _ = try await context.startRunner(options.arguments)
  }
}
