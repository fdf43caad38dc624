// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelPackaging
import PetrelTerminal

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a model is to be made of.
struct PackageSource: ParsableArguments {
  @Option(help: ArgumentHelp("A GGUF file; of a model in shards, any of them.", valueName: "file"))
  var gguf: String?

  @Option(help: ArgumentHelp("A folder with safetensors or other weights; all its files.", valueName: "folder"))
  var safetensorsDir: String?

  @Option(help: ArgumentHelp("A DDUF file.", valueName: "file"))
  var dduf: String?

  @Option(help: ArgumentHelp("Make a variant of this model.", valueName: "model"))
  var from: String?

  func validate() throws {
    switch [gguf, safetensorsDir, dduf, from].count(where: { $0 != nil }) {
    case 0: throw ValidationError("One of --gguf, --safetensors-dir, --dduf, or --from is required.")
    case 1: break
    default:
      throw ValidationError(
        "Cannot specify more than one of --gguf, --safetensors-dir, --dduf, or --from. Please use only one source.")
    }
  }

  func packageSource(_ context: CommandContext) throws -> PackageRequest.Source {
    if let folder = safetensorsDir { return .directory(context.resolve(folder)) }
    return .weights(context.resolve(gguf ?? dduf ?? ""))
  }

  func announce(to output: TextOutput) {
    if let gguf { output.notice("Adding GGUF file from \"\(gguf)\"") }
    if let dduf { output.notice("Adding DDUF file from \"\(dduf)\"") }
    if let safetensorsDir { output.notice("Scanning directory \"\(safetensorsDir)\" for safetensors model...") }
  }
}

/// What comes with the weights.
struct PackageAdditions: ParsableArguments {
  @Option(help: ArgumentHelp("A Jinja chat template to use instead of the one in the weights.", valueName: "file"))
  var chatTemplate: String?

  @Option(help: ArgumentHelp("A multimodal projector.", valueName: "file"))
  var mmproj: String?

  @Option(name: [.customShort("l"), .long], help: ArgumentHelp("A licence; may be given again.", valueName: "file"))
  var license: [String] = []

  @Option(
    help: ArgumentHelp(
      "A folder to unpack beside the weights, under its name; may be given again.", valueName: "folder"))
  var dirTar: [String] = []

  @Option(help: ArgumentHelp("The context size to run the model with, in tokens.", valueName: "tokens"))
  var contextSize: Int64?

  func validate() throws {
    if let contextSize, !(1...Int64(Int32.max)).contains(contextSize) {
      throw ValidationError("--context-size must be from 1 to \(Int32.max), got \(contextSize)")
    }
  }

  /// The context size, if nothing else is given.
  var onlyContextSize: Int64? {
    chatTemplate == nil && mmproj == nil && license.isEmpty && dirTar.isEmpty ? contextSize : nil
  }

  func announce(to output: TextOutput) {
    if let contextSize { output.notice("Setting context size \(contextSize)") }
    for file in license { output.notice("Adding license file from \"\(file)\"") }
    if let chatTemplate { output.notice("Adding chat template file from \"\(chatTemplate)\"") }
    if let mmproj { output.notice("Adding multimodal projector file from \"\(mmproj)\"") }
    for folder in dirTar { output.notice("Adding directory from \"\(folder)\"") }
  }

  func add(to request: inout PackageRequest, _ context: CommandContext) {
    request.licenses = license.map(context.resolve)
    request.chatTemplate = chatTemplate.map(context.resolve)
    request.mmproj = mmproj.map(context.resolve)
    request.directoryTars = dirTar.map(context.resolve)
    request.contextSize = contextSize
  }
}

extension CommandContext {
  /// The time that builds are to pretend it is, so that they give the same bytes again.
  ///
  /// Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
  var sourceDate: Date? {
    variable("SOURCE_DATE_EPOCH").flatMap(Int64.init).map { Date(timeIntervalSince1970: Double($0)) }
  }

  var buildDate: Date { sourceDate ?? Date(timeIntervalSince1970: clock.now()) }
}
