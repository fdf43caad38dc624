// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelDaemon
import PetrelTerminal

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Look at the daemon's configuration.", subcommands: [ConfigShowCommand.self])
}

struct ConfigShowCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show each setting, its value and where that came from.",
    discussion: "Shows what `serve` would use if it were started here and now with the same flags.")

  @OptionGroup var options: DaemonOptions

  @Flag(help: "Print a JSON array.")
  var json = false

  func run(_ context: CommandContext) async throws {
    let configuration = try context.daemonConfiguration(flags: options.flags)
    for warning in configuration.warnings { context.errors.notice("Warning: \(warning)") }
    if json {
      try context.printJSON(
        configuration.rows.map { SettingObject(key: $0.key, value: $0.value, source: "\($0.source)") })
      return
    }
    let table = TextTable(
      header: ["SETTING", "VALUE", "SOURCE"], rows: configuration.rows.map { [$0.key, $0.value, "\($0.source)"] })
    try context.output.write(table.rendered())
  }
}

private struct SettingObject: Encodable {
  let key: String
  let value: String
  let source: String
}
