// SPDX-License-Identifier: Apache-2.0

import Logging
import PetrelAPI
import PetrelHub
import PetrelOCI
import PetrelRegistry
import PetrelSigning
import PetrelStore

/// What can be done with models: the use cases behind the management API and the CLI. Knows nothing of HTTP.
///
/// Errors are ``LibraryError`` or `CancellationError`. May be used from any task.
package final class ModelLibrary: Sendable {
  package let store: ModelStore
  let source: any ArtifactSource
  let hub: HubClient?
  let retryPolicy: RetryPolicy
  let signaturePolicy: SignaturePolicy
  let transfers = Transfers()
  let downloads: SharedDownloads
  let loadFailures: LoadFailureCheck
  let logger: Logger
  private let defaultRegistry: String
  private let onChange: @Sendable () -> Void

  /// - Parameters:
  ///   - hub: for names at Hugging Face; without it they are refused.
  ///   - signaturePolicy: which models must be signed.
  ///   - defaultRegistry: used for names without a registry.
  ///   - retryPolicy: for broken downloads.
  ///   - limits: for all downloads together.
  ///   - onChange: called after names or models have changed, so that whoever remembers what a name means can forget it.
  package init(
    store: ModelStore, source: any ArtifactSource, hub: HubClient? = nil, retryPolicy: RetryPolicy = RetryPolicy(),
    limits: TransferLimits = TransferLimits(), signaturePolicy: SignaturePolicy = SignaturePolicy(),
    defaultRegistry: String = ModelReference.dockerHub, logger: Logger, onChange: @escaping @Sendable () -> Void = {}
  ) {
    self.store = store
    self.source = source
    self.hub = hub
    self.retryPolicy = retryPolicy
    self.signaturePolicy = signaturePolicy
    self.defaultRegistry = defaultRegistry
    self.logger = logger
    downloads = SharedDownloads(limits: limits, logger: logger)
    loadFailures = LoadFailureCheck(store: store, logger: logger)
    self.onChange = onChange
  }

  /// Cancels all transfers, waits until they have let go of the store, and takes no more.
  package func shutdown() async {
    await transfers.close()
    await loadFailures.close()
  }

  // MARK: Reading

  /// In the order in which they came. Models that cannot be read are left out.
  package func list() async throws -> [StoredModel] {
    try await translatingErrors { try await store.list() }
  }

  /// The model that a person or a client means by `text`: a reference, an ID, a short ID.
  package func resolve(_ text: String) async throws -> StoredModel {
    try await translatingErrors {
      guard let model = try await store.find(try selector(text)) else {
        throw LibraryError(.notFound, "get model \(quoted(text)): model not found")
      }
      return model
    }
  }

  /// Like ``resolve(_:)``, and content with the last part of a name: `smollm2` for `ghcr.io/org/smollm2:v1`.
  package func inspect(_ text: String) async throws -> StoredModel {
    try await translatingErrors {
      guard let model = try await findGenerously(text) else { throw LibraryError(.notFound, "model not found") }
      return model
    }
  }

  /// What the registry has under this name. The answer has no tags.
  package func inspectRemote(_ text: String, bearerToken: String? = nil) async throws -> ModelObject {
    try await translatingErrors {
      let reference = try reference(text)
      let source: any ArtifactSource =
        reference.registry == ModelReference.huggingFace
        ? try await hubArtifact(text, bearerToken: bearerToken) : source
      let fetched = try await source.manifest(reference, bearerToken: bearerToken)
      let manifest = try Manifest(decoding: fetched.bytes)
      let config = try await source.blob(
        manifest.config, of: reference, limit: Int64(ModelStore.maximumConfigSize), bearerToken: bearerToken)
      let summary = try ConfigSummary(decoding: config)
      return ModelObject(id: fetched.digest, tags: [], created: summary.created, config: summary.config)
    }
  }

  /// The model's files in the form that engines read.
  package func bundle(for model: StoredModel) async throws -> Bundle {
    try await translatingErrors { try await store.bundle(for: model) }
  }

  // MARK: Names

  /// Gives the model that `source` names, as ``inspect(_:)`` finds it, the tag `target`, and takes that from any other.
  package func tag(_ source: String, as target: String) async throws {
    try await translatingErrors {
      let reference = try tagReference(target)
      guard let model = try await findGenerously(source) else { throw LibraryError(.notFound, "model not found") }
      try await store.tag(model.id, as: reference)
      changed()
    }
  }

  /// Removes a tag, or the model when it is the last one or when `text` is an ID.
  ///
  /// - Parameter force: remove a model that is named by ID though it has several tags.
  package func remove(_ text: String, force: Bool = false) async throws -> [DeleteAction] {
    try await translatingErrors {
      let removals = try await store.remove(try selector(text), force: force)
      changed()
      return removals.map { removal in
        switch removal {
        case .untagged(let tag): DeleteAction(untagged: tag)
        case .deleted(let id): DeleteAction(deleted: id)
        }
      }
    }
  }

  /// Cancels all transfers and empties the store.
  package func purge() async throws {
    try await translatingErrors {
      await transfers.stopAll()
      defer { changed() }
      try await store.purge()
    }
  }

  func changed() { onChange() }

  func selector(_ text: String) throws -> ModelSelector {
    try ModelSelector(parsing: text, defaultRegistry: defaultRegistry)
  }

  func reference(_ text: String) throws -> ModelReference {
    try ModelReference(parsing: text, defaultRegistry: defaultRegistry)
  }

  /// A reference that can be given to a model.
  func tagReference(_ text: String) throws -> ModelReference {
    let reference = try reference(text)
    guard reference.tag != nil else {
      throw LibraryError(.invalidReference, "invalid tag \(quoted(text)): want a name with a tag, not with a digest")
    }
    return reference
  }

  private func findGenerously(_ text: String) async throws -> StoredModel? {
    // A partial name may be no valid reference.
    if let selector = try? selector(text), let model = try await store.find(selector) { return model }
    return try await store.findByPartialName(text)
  }
}

extension ModelObject {
  package init(_ model: StoredModel) {
    self.init(
      id: model.id, tags: model.tags, created: model.created, config: model.config, sizeBytes: model.layerSize)
  }
}
