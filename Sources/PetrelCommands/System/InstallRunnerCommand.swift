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
      Takes llama-server and its libraries out of a container image: --from, else the setting engine-image, else, when \
      no engine is installed, llama.cpp's own. With --from-source or a version, and where that image can't be had or \
      does not run, builds the source package from PyPI, which takes some minutes and needs a C++ compiler and python3 \
      with pip. Does nothing when the version is installed already. The version that was installed last is used.
      """)

  @Option(
    name: .customLong("llama-server-version"),
    help: "The llama-cpp-python release to build. (default: LLAMA_SERVER_VERSION, else \(LlamaCpp.pinnedVersion))")
  var requestedVersion: String?

  @Option(
    name: .customLong("from"),
    help: "Take the engine out of this image: REGISTRY/IMAGE[:TAG], …@sha256:… or official. (default: engine-image)")
  var image: String?

  @Flag(help: "Build the engine for this machine, even where an image can be had.")
  var fromSource = false

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
    let namedVersion = requestedVersion ?? context.variable("LLAMA_SERVER_VERSION")
    if !fromSource, requestedVersion == nil, let image = try context.daemonConfiguration().engineImage {
      return try await install(from: image, context)
    }
    // Whoever sets these wants a build of his own.
    let wantsBuild = fromSource || force || namedVersion != nil || context.variable("CMAKE_ARGS") != nil
    if !wantsBuild, engine.takesOfficialImage, try await installOfficial(context) { return }
    let version = namedVersion ?? LlamaCpp.pinnedVersion
    let installer = LlamaCppInstaller(engine: engine, environment: context.environment)
    let (directory, isNew) = try await installer.install(version: version, force: force) { line in
      context.errors.notice(line)
    }
    try engine.select(version)
    context.errors.notice("llama.cpp \(version) is \(isNew ? "now" : "already") installed in \(directory)")
  }

  /// - Returns: whether it is there now.
  private func installOfficial(_ context: CommandContext) async throws -> Bool {
    context.errors.notice("Looking for llama.cpp's own image ...")
    do {
      try await install(from: "official", context)
      return true
    } catch let error where !(error is CancellationError) {
      context.errors.notice("llama.cpp's own image can't be had: \(error)")
      context.errors.notice("The engine is built from source instead.")
      return false
    }
  }

  private func install(from image: String, _ context: CommandContext) async throws {
    guard requestedVersion == nil else {
      throw CommandError(.usage, "--from and --llama-server-version exclude each other: the image has its own version")
    }
    guard !fromSource else { throw CommandError(.usage, "--from and --from-source exclude each other") }
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
