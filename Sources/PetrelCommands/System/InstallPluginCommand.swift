// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelTerminal
import SystemPackage

struct InstallPluginCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "install-plugin", abstract: "Make this program available as `docker model`.",
    discussion: "Copies it to cli-plugins/docker-model in Docker's configuration folder (DOCKER_CONFIG, or ~/.docker).")

  @Flag(help: "Replace a plugin of another maker.")
  var force = false

  func run(_ context: CommandContext) async throws {
    let executable = try ExecutablePath.current()
    let folder = (context.variable("DOCKER_CONFIG").map(context.resolve) ?? context.userHome.appending(".docker"))
      .appending("cli-plugins")
    let file = try PluginFile(in: folder).install(from: executable, force: force)
    try context.output.line("Installed \(executable) as \(file)")
    try context.output.line("Try it: docker model version")
  }
}
