// SPDX-License-Identifier: Apache-2.0

import PetrelHub
import PetrelOCI
import PetrelRegistry
import PetrelStore

extension ModelLibrary {
  /// Pulls from Hugging Face. Returns the text of the success line.
  ///
  /// - Parameters:
  ///   - text: as it was typed: the hub's names have letter case.
  ///   - reference: the same as a tag of the store.
  func pullFromHub(
    _ text: String, _ reference: ModelReference, bearerToken: String?, _ feed: ProgressFeed
  ) async throws -> String {
    let local = try await store.find(ModelSelector(reference))
    // A model that lost a file on the disk is brought again.
    let whole = try await store.findWhole(reference)
    let pull: Pull
    do {
      let (hub, name, token) = try hubRequest(text, reference, bearerToken, local)
      // With the model at hand, nobody should wait for a network that is not there.
      let revision = try await hub.revision(of: name, token: token, tries: whole == nil ? nil : 1)
      if let whole, whole.manifest.annotations?[HubAnnotation.revision] == revision.commit {
        return usingCached(whole, reference)
      }
      var builder = HubArtifactBuilder(
        hub: hub, store: store, revision: revision, selector: name.selector, token: token)
      let artifact = try await builder.build()
      if let whole, artifact.hasSameFiles(as: whole) { return usingCached(whole, reference) }
      pull = Pull(
        source: artifact, store: store, retryPolicy: retryPolicy, reference: reference, bearerToken: token,
        downloads: downloads,
        // The hub has no signatures; whoever wants one has been told before.
        signatures: SignatureCheck(
          source: artifact, reference: reference, bearerToken: token, rule: nil, demand: nil, logger: logger))
    } catch let error as RegistryError {
      if let whole, error.isAbsence { return usingCached(whole, reference) + "; not checked: \(error.message)" }
      throw LibraryError(hub: error)
    }
    // A newer model that breaks off on its way has been found: the one that is here is not what was asked for.
    do {
      return try await pull.run(feed)
    } catch let error as RegistryError {
      throw LibraryError(hub: error)
    }
  }

  /// What the hub has under this name, described without downloading the weights.
  func hubArtifact(_ text: String, bearerToken: String?) async throws -> HubArtifact {
    do {
      let (hub, name, token) = try hubRequest(text, try reference(text), bearerToken, nil)
      let revision = try await hub.revision(of: name, token: token)
      var builder = HubArtifactBuilder(
        hub: hub, store: store, revision: revision, selector: name.selector, token: token)
      return try await builder.build()
    } catch let error as RegistryError {
      throw LibraryError(hub: error)
    }
  }

  private func hubRequest(
    _ text: String, _ reference: ModelReference, _ bearerToken: String?, _ local: StoredModel?
  ) throws -> (HubClient, HubName, token: String?) {
    guard let hub else {
      throw LibraryError(.unsupportedSource, "this daemon has no connection to Hugging Face")
    }
    guard reference.digest == nil else {
      throw LibraryError(
        .invalidReference,
        "Hugging Face has no digests: name a revision, as in hf.co/OWNER/REPOSITORY@REVISION, or pull without one")
    }
    var name = try HubName(parsing: text)
    // Stored tags are lower-case; the model remembers how its repository is written.
    let prefix = HubClient.page(of: "")
    if let source = local?.manifest.annotations?[HubAnnotation.source], source.hasPrefix(prefix),
      source.dropFirst(prefix.count).lowercased() == name.repository.lowercased()
    {
      name.repository = String(source.dropFirst(prefix.count))
    }
    return (hub, name, bearerToken ?? hub.settings.token)
  }

  private func usingCached(_ model: StoredModel, _ reference: ModelReference) -> String {
    "Using cached model: \(reference.displayName) (\(model.id.short))"
  }
}

extension HubArtifact {
  /// Whether a commit has left the model's files alone: a new text on its page is no new model.
  fileprivate func hasSameFiles(as model: StoredModel) -> Bool {
    guard let manifest = try? Manifest(decoding: sealed.manifest),
      model.manifest.annotations?[HubAnnotation.source] == manifest.annotations?[HubAnnotation.source]
    else { return false }
    func files(_ manifest: Manifest) -> [[String]] {
      manifest.layers.map { [$0.mediaType, $0.digest.description, $0.annotatedPath ?? ""] }
    }
    return manifest.config.mediaType == model.manifest.config.mediaType && files(manifest) == files(model.manifest)
  }
}

extension LibraryError {
  /// Refusals of the hub say what people have to do there.
  init(hub error: RegistryError) {
    switch error.code {
    case .unauthorized, .denied: self.init(.tokenRequired, error.message)
    default: self.init(error)
    }
  }
}
