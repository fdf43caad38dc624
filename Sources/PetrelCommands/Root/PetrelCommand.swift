// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI

/// A command that does its work with nothing but a context.
protocol PetrelSubcommand: AsyncParsableCommand, Sendable {
  /// Whether SIGINT and SIGTERM are left to the command instead of cancelling its task.
  static var handlesSignals: Bool { get }

  /// Names of models as they were typed. None may be empty.
  var modelNames: [String] { get }

  func run(_ context: CommandContext) async throws
}

extension PetrelSubcommand {
  static var handlesSignals: Bool { false }

  var modelNames: [String] { [] }

  func run() async throws {
    try await run(.live(environment: ProcessEnvironment.current))
  }
}

/// The root of the command line. Without a command it shows its help.
struct PetrelCommand: AsyncParsableCommand {
  // Computed, as the name depends on how the program was started.
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: ProgramName.current,
      abstract: "Run AI models on this machine and serve them to your applications.",
      version: "petrel version \(PetrelVersion.current)",
      groupedSubcommands: [
        CommandGroup(name: "Models", subcommands: modelCommands),
        CommandGroup(name: "Use", subcommands: useCommands),
        CommandGroup(name: "Store", subcommands: storeCommands),
        CommandGroup(name: "System", subcommands: systemCommands),
      ])
  }

  private static let modelCommands: [any ParsableCommand.Type] = [
    PullCommand.self, PushCommand.self, CopyCommand.self, PackageCommand.self, ImportCommand.self, ListCommand.self,
    InspectCommand.self, TagCommand.self, RemoveCommand.self, LoadCommand.self, ExportCommand.self,
  ]
  private static let useCommands: [any ParsableCommand.Type] = [
    RunCommand.self, ListRunnersCommand.self, UnloadCommand.self, ConfigureCommand.self, RequestsCommand.self,
  ]
  private static let storeCommands: [any ParsableCommand.Type] = [
    DiskUsageCommand.self, FsckCommand.self, PruneCommand.self, PurgeCommand.self,
  ]
  private static let systemCommands: [any ParsableCommand.Type] = [
    ServeCommand.self, StatusCommand.self, VersionCommand.self, LogsCommand.self, ConfigCommand.self, KeyCommand.self,
    KeysCommand.self, StartRunnerCommand.self, StopRunnerCommand.self, RestartRunnerCommand.self,
    ReinstallRunnerCommand.self,
    InstallRunnerCommand.self,
    UninstallRunnerCommand.self, RPCWorkerCommand.self, InstallPluginCommand.self,
  ]

  /// What other programs call commands that have another name here.
  static let otherNames = [
    "show": "inspect", "delete": "rm", "remove": "rm", "rmi": "rm", "images": "list", "cp": "copy", "save": "export",
    "chat": "run", "create": "package", "build": "package",
  ]

  /// Names and aliases of all commands.
  static var commandNames: [String] {
    (modelCommands + useCommands + storeCommands + systemCommands).flatMap { command in
      [command.configuration.commandName].compactMap { $0 } + command.configuration.aliases
    }
  }
}
