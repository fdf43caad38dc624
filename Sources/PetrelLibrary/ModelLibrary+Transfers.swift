// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelSigning
import PetrelStore

extension ModelLibrary {
  /// Pulls a model, or joins the pull of it that is going on. Returns when the manifest is known to be one of a model
  /// and before its layers move: failures until then are thrown, later ones are the stream's last line.
  ///
  /// - Parameters:
  ///   - bearerToken: used instead of the credentials of this machine.
  ///   - verifying: refuse the model unless it is signed as this says, and as the configuration says.
  package func pull(
    _ text: String, bearerToken: String? = nil, verifying demand: SignatureDemand? = nil
  ) async throws -> ProgressStream {
    try await translatingErrors {
      let reference = try reference(text)
      let signatures = try signatureCheck(reference, demand: demand, bearerToken: bearerToken)
      let pull = Pull(
        source: source, store: store, retryPolicy: retryPolicy, reference: reference, bearerToken: bearerToken,
        downloads: downloads, signatures: signatures)
      let stream = try await transfers.pull(reference, verifying: demand) { [self] feed in
        if isFromHuggingFace(reference) { try signatures.runWithoutSignatures(feed) }
        let message =
          try await isFromHuggingFace(reference)
          ? pullFromHub(text, reference, bearerToken: bearerToken, feed) : pull.run(feed)
        changed()
        return message
      }
      try await stream.waitForStart()
      return stream
    }
  }

  /// Pushes a model of the store to the registry that its tag names.
  ///
  /// - Parameter signature: added to those that the registry has of the model.
  package func push(
    _ text: String, bearerToken: String? = nil, signature: DetachedSignature? = nil
  ) async throws -> ProgressStream {
    try await translatingErrors {
      let reference = try tagReference(text)
      guard let model = try await store.find(ModelSelector(reference)) else {
        throw LibraryError(.notFound, "get model \(quoted(text)): model not found")
      }
      if isFromHuggingFace(reference) {
        guard signature == nil else {
          throw LibraryError(.unsupportedSource, "Hugging Face keeps no signatures: push without --sign")
        }
        let push = try hubPush(text, model, bearerToken: bearerToken)
        return try await transfers.push { feed in try await push.run(feed) }
      }
      try signature?.check(model.id, in: reference)
      let upload = signature.map {
        SignatureUpload(
          source: source, reference: reference, bearerToken: bearerToken, signature: $0, retryPolicy: retryPolicy)
      }
      let push = Push(
        source: source, store: store, model: model, reference: reference, bearerToken: bearerToken, signature: upload)
      return try await transfers.push { feed in try await push.run(feed) }
    }
  }

  /// Copies a model from registry to registry. Returns when the manifest is known to be one of a model: failures until
  /// then are thrown, later ones are the stream's last line.
  package func copy(_ text: String, to target: String) async throws -> ProgressStream {
    try await translatingErrors {
      let to = try tagReference(target)
      let from = try registryReference(text)
      _ = try registryReference(target)
      guard from != to else {
        throw LibraryError(.invalidRequest, "source and target are the same: \(to)")
      }
      let copy = Copy(source: source, from: from, to: to)
      let stream = try await transfers.push { feed in try await copy.run(feed) }
      try await stream.waitForStart()
      return stream
    }
  }

  private func registryReference(_ text: String) throws -> ModelReference {
    let reference = try reference(text)
    guard !isFromHuggingFace(reference) else {
      throw LibraryError(
        .unsupportedSource,
        "copying from or to Hugging Face is not supported; pull the model, tag it for a registry and push that")
    }
    return reference
  }

  private func isFromHuggingFace(_ reference: ModelReference) -> Bool {
    reference.registry == ModelReference.huggingFace
  }
}
