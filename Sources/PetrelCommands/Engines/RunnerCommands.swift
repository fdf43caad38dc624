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

  @Flag(help: "Listen with TLS as well; without --tls-cert and --tls-key Petrel makes a certificate.")
  var tls = false

  @Option(help: "The TCP port for TLS. (default: 12444)")
  var tlsPort: UInt16?

  @Option(help: "A PEM file with the certificate for TLS, and those between it and its authority.")
  var tlsCert: String?

  @Option(help: "A PEM file with the certificate's private key.")
  var tlsKey: String?

  @Option(help: "A PEM file with the authority of a proxy, trusted besides the system's.")
  var proxyCert: String?

  @Option(
    help: "Accepted for Docker Model Runner's sake: the engine finds GPUs by itself. none, auto, cuda, rocm, musa, cann"
  )
  var gpu = "auto"

  func validate() throws {
    guard ["none", "auto", "cuda", "rocm", "musa", "cann"].contains(gpu) else {
      throw ValidationError("unknown GPU specification: \"\(gpu)\"")
    }
  }

  /// The flags as they were given, for `restart-runner`.
  var given: String {
    var words = host.flatMap { ["--host", $0] }
    if debug { words.append("--debug") }
    if tls { words.append("--tls") }
    let values = [
      ("--port", port.map { String($0) }), ("--tls-port", tlsPort.map { String($0) }), ("--tls-cert", tlsCert),
      ("--tls-key", tlsKey), ("--proxy-cert", proxyCert),
    ]
    return (words + values.flatMap { name, value in value.map { [name, $0] } ?? [] }).joined(separator: " ")
  }

  /// Arguments of `serve`.
  var arguments: [String] {
    var arguments = host.flatMap { ["--host", $0] }
    if debug { arguments += ["--log-level", "debug"] }
    if tls { arguments.append("--tls") }
    let values = [
      ("--port", port.map { String($0) }), ("--tls-port", tlsPort.map { String($0) }), ("--tls-cert", tlsCert),
      ("--tls-key", tlsKey), ("--ca-bundle", proxyCert),
    ]
    return arguments + values.flatMap { name, value in value.map { [name, $0] } ?? [] }
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
    guard try await !context.startRunner(options.arguments) else { return }
    let given = options.given
    guard given.isEmpty else {
      throw CommandError(
        .usage,
        "the petrel daemon is already running, and \(given) was not applied; "
          + "`\(ProgramName.current) restart-runner \(given)` starts it anew with that")
    }
    try context.output.line("The petrel daemon is already running")
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

struct ReinstallRunnerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "reinstall-runner", abstract: "Build the llama.cpp engine anew, and restart the daemon with it.",
    discussion: "The daemon goes on with the old engine until the new one is there. Models and settings stay.")

  @OptionGroup var options: RunnerOptions

  @Option(
    name: .customLong("llama-server-version"), help: "The llama-cpp-python release to build, as for install-runner.")
  var version: String?

  @Option(help: "The backend to install; there is but llama.cpp.")
  var backend: String?

  func run(_ context: CommandContext) async throws {
    var install = try InstallRunnerCommand.parse([])
    (install.requestedVersion, install.backend, install.force) = (version, backend, true)
    try await install.run(context)
    _ = try await context.stopRunner()
    _ = try await context.startRunner(options.arguments)
  }
}
