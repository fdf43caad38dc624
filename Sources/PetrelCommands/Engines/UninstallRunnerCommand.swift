// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelEngines
import PetrelTerminal

struct UninstallRunnerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "uninstall-runner", abstract: "Remove the installed engines, and stop the daemon.",
    discussion: "Models stay unless --models is given. An engine that LLAMA_SERVER_PATH names is not touched.")

  @Option(help: "Only remove this backend, and leave the daemon running.")
  var backend: String?

  @Option(
    name: .customLong("llama-server-version"), help: "Only remove this version, and leave the daemon running.")
  var version: String?

  @Flag(help: "Remove all models too.")
  var models = false

  @Flag(help: "Accepted for Docker Model Runner's sake: there are no images.")
  var images = false

  func run(_ context: CommandContext) async throws {
    if let version { return try await remove(version: version, context) }
    if let backend {
      try InstallRunnerCommand.checkBackend(backend)
      let wasInstalled = try isInstalled(context)
      let isDone = try await context.withRunningDaemon { client in
        try await client?.uninstallBackend(BackendRequest(backend: backend)) != nil
      }
      if !isDone { try remove(context) }
      return try report(wasInstalled, context)
    }
    if models { try await context.removeAllModels() }
    _ = try await context.stopRunner()
    let wasInstalled = try isInstalled(context)
    try remove(context)
    try report(wasInstalled, context)
  }

  /// True for a daemon elsewhere, whose folder can't be looked at from here.
  private func isInstalled(_ context: CommandContext) throws -> Bool {
    if case .given(let endpoint) = try DaemonTarget(context), !endpoint.isLocal { return true }
    return !LlamaCpp(home: context.petrelHome, environment: context.environment).installations().isEmpty
  }

  private func report(_ wasInstalled: Bool, _ context: CommandContext) throws {
    try context.output.line(wasInstalled ? "Uninstalled \(LlamaCpp.name) backend" : "No engine is installed")
  }

  private func remove(version: String, _ context: CommandContext) async throws {
    try InstallRunnerCommand.checkBackend(backend)
    let isDone = try await context.withRunningDaemon { client in
      try await client?.uninstallBackend(BackendRequest(backend: LlamaCpp.name, version: version)) != nil
    }
    if !isDone {
      try LlamaCpp(home: context.petrelHome, environment: context.environment).removeInstalled(version)
    }
    try context.output.line("Uninstalled \(LlamaCpp.name) \(version)")
  }

  private func remove(_ context: CommandContext) throws {
    do {
      _ = try LlamaCpp(home: context.petrelHome, environment: context.environment).removeInstalled()
    } catch {
      throw CommandError(.fileSystem, "the engines can't be removed: \(FileFailure.reason(error))")
    }
  }
}
