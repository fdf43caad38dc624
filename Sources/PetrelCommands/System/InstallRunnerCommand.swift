// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelEngines
import PetrelTerminal
import SystemPackage

struct InstallRunnerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "install-runner", abstract: "Install the llama.cpp engine into PETREL_HOME.",
    discussion: """
      Builds the pinned source package from PyPI, which takes some minutes and needs a C++ compiler and python3 with \
      pip. Does nothing when the version is installed already.
      """)

  @Option(
    name: .customLong("llama-server-version"),
    help: "The llama-cpp-python release to build. (default: LLAMA_SERVER_VERSION, else \(LlamaCpp.pinnedVersion))")
  var requestedVersion: String?

  @Option(help: "The backend to install; there is but llama.cpp.")
  var backend: String?

  @Flag(help: "Build again even if the version is installed.")
  var force = false

  @Flag(help: "Only print the folder of the llama-server that the daemon would use.")
  var printPath = false

  func run(_ context: CommandContext) async throws {
    try Self.checkBackend(backend)
    let engine = LlamaCpp(home: context.petrelHome, environment: context.environment)
    if printPath {
      try context.output.line(try engine.locate().removingLastComponent().string)
      return
    }
    let version = requestedVersion ?? context.variable("LLAMA_SERVER_VERSION") ?? LlamaCpp.pinnedVersion
    let installer = LlamaCppInstaller(engine: engine, environment: context.environment)
    let (directory, isNew) = try await installer.install(version: version, force: force) { line in
      context.errors.notice(line)
    }
    context.errors.notice("llama.cpp \(version) is \(isNew ? "now" : "already") installed in \(directory)")
  }

  static func checkBackend(_ name: String?) throws {
    guard let name, !name.isEmpty, name != LlamaCpp.name else { return }
    throw CommandError(.usage, "unknown backend: \"\(name)\" (supported: \(LlamaCpp.name))")
  }
}
