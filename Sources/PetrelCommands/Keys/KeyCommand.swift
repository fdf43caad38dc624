// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelOCI
import PetrelSigning
import PetrelTerminal
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Make and look at keys that models are signed with.",
    subcommands: [KeyGenerateCommand.self, KeyShowCommand.self])
}

struct KeyGenerateCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Make a pair of keys, one to sign with and one to give away.")

  @Option(
    help: ArgumentHelp(
      "Where to put them; .key and .pub are added. (default: \(KeyFile.defaultName) in PETREL_HOME)",
      valueName: "path"))
  var output: String?

  func run(_ context: CommandContext) async throws {
    let place = output.map(context.resolve) ?? context.petrelHome.appending(KeyFile.defaultName)
    let folder = place.removingLastComponent()
    do {
      try FileManager.default.createDirectory(
        atPath: folder.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw CommandError(.fileSystem, "\(folder) can't be created: \(FileFailure.reason(error))")
    }
    let privateFile = KeyFile(FilePath(place.string + ".key"))
    let publicFile = KeyFile(FilePath(place.string + ".pub"))
    guard !FileManager.default.fileExists(atPath: publicFile.path.string) else {
      throw CommandError(.fileExists, "\(publicFile.path) is there already; choose another place with --output")
    }
    let key = SigningKey()
    try privateFile.write(key.pem, permissions: [.ownerRead, .ownerWrite])
    do {
      try publicFile.write(
        key.verificationKey.pem, permissions: [.ownerRead, .ownerWrite, .groupRead, .otherRead])
    } catch {
      // Half a pair would be in the way of the next one.
      privateFile.remove()
      throw error
    }
    context.errors.notice("Made key \(key.verificationKey.fingerprint.short):")
    try context.output.line(privateFile.path.string)
    try context.output.line(publicFile.path.string)
    context.errors.notice("Keep the first to yourself. It has no password: whoever can read it can sign as you.")
  }
}

struct KeyShowCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print the public key of a private one, or public keys.")

  @Argument(
    help: ArgumentHelp(
      "The key. (default: \(KeyFile.defaultName).key in PETREL_HOME)", valueName: "file"))
  var file: String?

  func run(_ context: CommandContext) async throws {
    let file = try KeyFile.signing(file, in: context)
    let text = try file.text()
    let keys =
      if text.contains("PRIVATE KEY-----") {
        [try SigningKey(pem: text, origin: file.path.string).verificationKey]
      } else {
        try VerificationKey.read(pem: text, origin: file.path.string)
      }
    for key in keys {
      context.errors.notice("Key \(key.fingerprint)")
      try context.output.write(key.pem)
    }
  }
}
