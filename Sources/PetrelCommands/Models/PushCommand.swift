// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PetrelAPI
import PetrelClient
import PetrelOCI
import PetrelSigning
import PetrelTerminal

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct PushCommand: PetrelSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Upload a model to the registry that its name says.")

  @Flag(help: "Sign the model.")
  var sign = false

  @Option(
    help: ArgumentHelp(
      "With --sign: the private key. (default: \(KeyFile.defaultName).key in PETREL_HOME)", valueName: "file"))
  var key: String?

  @Argument(help: "A tag of a model on this machine.")
  var model: String

  var modelNames: [String] { [model] }

  func validate() throws {
    if !sign && key != nil { throw ValidationError("--key does nothing without --sign") }
  }

  func run(_ context: CommandContext) async throws {
    // A bad key should show before anything is sent.
    let signingKey = sign ? try KeyFile.signing(key, in: context).signingKey() : nil
    try await context.withDaemon { client in
      var signature: SignatureObject?
      if let signingKey { signature = try await self.signature(by: signingKey, with: client, context) }
      let success = try await Transfer(mode: .push, model: model, context: context, signature: signature)
        .run(with: client)
      try context.output.line(success)
    }
  }

  /// The private key stays here: the daemon gets the signature.
  private func signature(
    by key: SigningKey, with client: DaemonClient, _ context: CommandContext
  ) async throws -> SignatureObject {
    let reference = try context.names.parse(model)
    let digest: Digest
    do {
      digest = try await client.model(reference.description).id
    } catch let error as ClientError where error.status == 404 {
      throw CommandError(
        .modelNotFound, "\(model): model not found; `\(ProgramName.current) list` shows the models that are here")
    }
    let signature = try key.sign(digest, in: reference)
    context.errors.notice("Signing \(digest) with key \(signature.key.fingerprint.short)")
    return SignatureObject(
      payload: Data(signature.payload).base64EncodedString(),
      signature: Data(signature.signature).base64EncodedString(), key: signature.key.pem)
  }
}
