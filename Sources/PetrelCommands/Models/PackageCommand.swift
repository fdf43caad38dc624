// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelOCI
import PetrelPackaging
import PetrelTerminal

struct PackageCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "package", abstract: "Make a model of local files, or a variant of a model.")

  @OptionGroup(title: "Sources, one of them")
  var source: PackageSource

  @OptionGroup(title: "Additions")
  var additions: PackageAdditions

  @Option(help: ArgumentHelp("docker or cncf (default: docker, or that of --from).", valueName: "format"))
  var format: String?

  @Flag(help: "Let the store share writable files that cannot be cloned; makes them read-only.")
  var link = false

  @Flag(help: "Push the model to its registry afterwards.")
  var push = false

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("Write the model to a tar archive instead of the store.", valueName: "file"))
  var output: String?

  @Argument(help: "The name to give the model; may be left out with --output.")
  var model: String?

  var modelNames: [String] { [model, source.from].compactMap { $0 } }

  func validate() throws {
    try source.validate()
    try additions.validate()
    if let format, ArtifactFormat(rawValue: format) == nil {
      throw ValidationError("invalid --format value \"\(format)\": must be \"docker\" or \"cncf\"")
    }
    if format == ArtifactFormat.cncf.rawValue, additions.contextSize != nil {
      throw ValidationError(
        "--context-size is not supported with --format cncf: the CNCF ModelPack specification does not define a context "
          + "size field")
    }
    guard model != nil || output != nil else { throw ValidationError("Missing expected argument '<model>'") }
    guard output == nil || !push else {
      throw ValidationError("--output writes a file and --push needs the store: use one of the two")
    }
    guard output == nil || source.from == nil || model != nil else {
      throw ValidationError("--output with --from needs a name for the variant: the daemon makes it and keeps it")
    }
  }

  func run(_ context: CommandContext) async throws {
    // A bad name should show before gigabytes are read.
    if let model {
      guard try context.names.parse(model).tag != nil else {
        throw CommandError(.usage, "\"\(model)\" names a digest; give the model a name and a tag, as in name:v1")
      }
    }
    if let from = source.from {
      try await context.withDaemon { try await makeVariant(of: from, with: $0, context) }
      return
    }
    let package = try await build(try source.packageSource(context), context)
    if let output {
      try await write(package, to: output, context)
    } else if let model {
      try await context.withDaemon { try await load(package, as: model, with: $0, context) }
    }
  }

  private func build(_ source: PackageRequest.Source, _ context: CommandContext) async throws -> ModelPackage {
    self.source.announce(to: context.errors)
    additions.announce(to: context.errors)
    var request = PackageRequest(source: source, created: context.buildDate)
    additions.add(to: &request, context)
    request.format = format.flatMap(ArtifactFormat.init)
    request.latestModification = context.sourceDate
    let package: ModelPackage
    do {
      package = try await ModelPackage.build(request)
    } catch let error as PackagingError {
      context.errors.notice("Failed to package model")
      throw CommandError(.usage, "package model: \(error)")
    }
    for warning in package.warnings { context.errors.notice("Warning: \(warning)") }
    return package
  }

  private func write(_ package: ModelPackage, to output: String, _ context: CommandContext) async throws {
    context.errors.notice("Writing model to \"\(output)\"...")
    try await ArchiveFile.write(to: context.resolve(output)) { sink in
      for try await chunk in ModelArchive(package) { try sink(chunk) }
    }
    context.errors.notice("Model written successfully; load it with `\(ProgramName.current) load \(output) <model>`")
  }

  private func load(
    _ package: ModelPackage, as model: String, with client: DaemonClient, _ context: CommandContext
  ) async throws {
    context.errors.notice("Loading model to Model Runner...")
    try await PackageDelivery(package: package, model: model, mayLink: link, context: context).deliver(to: client)
    context.errors.notice("Model loaded successfully" + (package.warnings.isEmpty ? "" : ", but see the warning above"))
    try await pushIfWanted(with: client, context)
  }

  private func makeVariant(of from: String, with client: DaemonClient, _ context: CommandContext) async throws {
    guard let model else { return }
    context.errors.notice("Reading model from daemon: \"\(from)\"")
    do {
      if let contextSize = additions.onlyContextSize, format != ArtifactFormat.cncf.rawValue {
        context.errors.notice("Setting context size \(contextSize)")
        context.errors.notice("Creating lightweight model variant...")
        try await client.repackage(from, as: RepackageRequest(target: model, contextSize: contextSize))
      } else {
        let documents = try await client.documents(from)
        let artifact = StoredArtifact(manifest: Array(documents.manifest.utf8), config: Array(documents.config.utf8))
        let package = try await build(.model(artifact), context)
        context.errors.notice("Creating lightweight model variant...")
        try await PackageDelivery(package: package, model: model, mayLink: link, context: context).deliver(to: client)
      }
    } catch let error as ClientError where error.status == 404 {
      throw CommandError(
        .modelNotFound, "\(from): model not found; pull it with `\(ProgramName.current) pull \(from)`")
    }
    context.errors.notice("Model variant created successfully")
    if let output { try await ExportCommand.export(model, to: output, with: client, context) }
    try await pushIfWanted(with: client, context)
  }

  private func pushIfWanted(with client: DaemonClient, _ context: CommandContext) async throws {
    guard push, let model else { return }
    context.errors.notice("Pushing model to registry...")
    context.errors.notice(try await Transfer(mode: .push, model: model, context: context).run(with: client))
  }
}
