// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelOCI
import PetrelPackaging
import PetrelTerminal
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct PackageCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "package", abstract: "Make a model of local files, or a variant of a model.")

  @Option(help: ArgumentHelp("The weights; of a model in shards, any of them.", valueName: "file"))
  var gguf: String?

  @Option(help: ArgumentHelp("Make a variant of this model; needs --context-size.", valueName: "model"))
  var from: String?

  @Option(help: ArgumentHelp("A Jinja chat template to use instead of the one in the weights.", valueName: "file"))
  var chatTemplate: String?

  @Option(help: ArgumentHelp("A multimodal projector.", valueName: "file"))
  var mmproj: String?

  @Option(name: [.customShort("l"), .long], help: ArgumentHelp("A licence; may be given again.", valueName: "file"))
  var license: [String] = []

  @Option(help: ArgumentHelp("The context size to run the model with, in tokens.", valueName: "tokens"))
  var contextSize: Int64?

  @Flag(help: "Push the model to its registry afterwards.")
  var push = false

  @Argument(help: "The name to give the model.")
  var model: String

  func validate() throws {
    guard gguf != nil || from != nil else { throw ValidationError("One of --gguf or --from is required.") }
    if gguf != nil && from != nil {
      throw ValidationError("Cannot specify more than one of --gguf or --from. Please use only one source.")
    }
    if from != nil {
      guard contextSize != nil else {
        throw ValidationError("--from needs --context-size: it is what a variant changes")
      }
      guard chatTemplate == nil, mmproj == nil, license.isEmpty else {
        throw ValidationError("--chat-template, --mmproj and --license cannot be used with --from")
      }
    }
    if let contextSize, !(1...Int64(Int32.max)).contains(contextSize) {
      throw ValidationError("--context-size must be from 1 to \(Int32.max), got \(contextSize)")
    }
  }

  func run(_ context: CommandContext) async throws {
    // A bad name should show before gigabytes are read.
    let target = try context.names.parse(model)
    guard target.tag != nil else {
      throw CommandError(.usage, "\"\(model)\" names a digest; give the model a name and a tag, as in name:v1")
    }
    if let gguf {
      let package = try await build(gguf: gguf, context)
      try await context.withDaemon { try await load(package, with: $0, context) }
    } else if let from, let contextSize {
      try await context.withDaemon { try await makeVariant(of: from, contextSize: contextSize, with: $0, context) }
    }
  }

  private func build(gguf: String, _ context: CommandContext) async throws -> ModelPackage {
    let notice = context.errors.notice
    notice("Adding GGUF file from \"\(gguf)\"")
    if let contextSize { notice("Setting context size \(contextSize)") }
    for file in license { notice("Adding license file from \"\(file)\"") }
    if let chatTemplate { notice("Adding chat template file from \"\(chatTemplate)\"") }
    if let mmproj { notice("Adding multimodal projector file from \"\(mmproj)\"") }
    let package = try await ModelPackage.build(
      PackageRequest(
        gguf: context.resolve(gguf), licenses: license.map(context.resolve),
        chatTemplate: chatTemplate.map(context.resolve), mmproj: mmproj.map(context.resolve),
        contextSize: contextSize, created: Date(timeIntervalSince1970: context.clock.now())))
    for warning in package.warnings { notice("Warning: \(warning)") }
    return package
  }

  private func load(_ package: ModelPackage, with client: DaemonClient, _ context: CommandContext) async throws {
    context.errors.notice("Loading model to Model Runner...")
    let archive = ModelArchive(package)
    _ = try await client.load(archive, byteCount: archive.size) { line in
      if line.type == .warning { context.errors.notice("Warning: \(line.message)") }
    }
    try await client.tag("\(package.id)", as: model, names: context.names)
    context.errors.notice("Model loaded successfully")
    try await pushIfWanted(with: client, context)
  }

  private func makeVariant(
    of source: String, contextSize: Int64, with client: DaemonClient, _ context: CommandContext
  ) async throws {
    context.errors.notice("Reading model from daemon: \"\(source)\"")
    context.errors.notice("Setting context size \(contextSize)")
    context.errors.notice("Creating lightweight model variant...")
    do {
      try await client.repackage(source, as: RepackageRequest(target: model, contextSize: contextSize))
    } catch let error as ClientError where error.status == 404 {
      throw CommandError(
        .modelNotFound, "\(source): model not found; pull it with `\(ProgramName.current) pull \(source)`")
    }
    context.errors.notice("Model variant created successfully")
    try await pushIfWanted(with: client, context)
  }

  private func pushIfWanted(with client: DaemonClient, _ context: CommandContext) async throws {
    guard push else { return }
    context.errors.notice("Pushing model to registry...")
    context.errors.notice(try await Transfer(mode: .push, model: model, context: context).run(with: client))
  }
}
