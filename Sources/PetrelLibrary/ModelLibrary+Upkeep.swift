// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore
import SystemPackage

extension ModelLibrary {
  /// What the store's folder holds, by kind.
  package func usage() async throws -> StoreUsage {
    try await translatingErrors { try await store.usage() }
  }

  /// Checks that all bytes of the store are what they should be, and repairs what is not if asked.
  ///
  /// - Parameters:
  ///   - request: which models; whether to repair.
  ///   - report: called with each line; the last one is the summary. What it throws ends the check.
  package func check(
    _ request: StoreCheckRequest, report: @escaping @Sendable (StoreCheckLine) async throws -> Void
  ) async throws {
    try await translatingErrors {
      let check = StoreCheck(library: self, models: try await ids(of: request.models ?? []), report: report)
      let findings = try await check.run()
      var outcomes: [StoreFinding: StoreRepair.Outcome] = [:]
      if request.repair == true {
        let repair = StoreRepair(library: self, removesBroken: request.removeBroken == true, report: report)
        outcomes = try await repair.run(findings)
        changed()
      }
      try await check.conclude(findings, outcomes: outcomes)
    }
  }

  private func ids(of names: [String]) async throws -> Set<Digest>? {
    guard !names.isEmpty else { return nil }
    var ids: Set<Digest> = []
    for name in names {
      guard let id = try await store.id(try selector(name)) else {
        throw LibraryError(.notFound, "get model \(quoted(name)): model not found")
      }
      ids.insert(id)
    }
    return ids
  }

  /// Removes what nobody needs: blobs, manifests and bundles of no model, partial downloads, leftovers. What a transfer
  /// or a load is working on stays.
  ///
  /// - Parameters:
  ///   - untagged: also models without a tag, except those that `isInUse`.
  ///   - dryRun: only says what would go.
  package func prune(
    untagged: Bool, dryRun: Bool, isInUse: @Sendable (Digest) async -> Bool
  ) async throws -> PruneReport {
    try await translatingErrors {
      var items: [PruneReport.Item] = []
      let before = try await store.usage()
      var expected: Int64 = 0
      if untagged {
        for (id, tags) in try await store.tags().sorted(by: { $0.key.hex < $1.key.hex }) where tags.isEmpty {
          guard await !isInUse(id) else { continue }
          let size = (try? await store.find(id)).flatMap { $0 }?.layerSize ?? 0
          if !dryRun {
            // Somebody may have given it a tag meanwhile.
            guard try await store.removeUntagged(id) else { continue }
            changed()
          }
          items.append(PruneReport.Item(kind: "untagged-model", name: id.description, size: size))
        }
        expected += before.untagged.size
      }
      let garbage = try await store.garbage()
      let gone = dryRun ? garbage : try await store.remove(garbage: garbage)
      items += gone.map { PruneReport.Item(kind: $0.kind.rawValue, name: $0.path.string, size: $0.size) }
      expected += gone.reduce(0) { $0 + $1.size }
      let reclaimed = dryRun ? expected : max(0, before.total - (try await store.usage().total))
      return PruneReport(items: items, reclaimed: reclaimed, dryRun: dryRun)
    }
  }

  /// The model that ``remove(_:force:)`` would delete; nil when it would only remove a tag.
  package func modelDeleted(byRemoving text: String, force: Bool) async throws -> Digest? {
    try await translatingErrors { try await store.modelDeleted(byRemoving: try selector(text), force: force) }
  }

  /// Keeps the files that an engine is about to open where they are, until the hold is let go.
  package func holdFiles(of id: Digest) -> BundleHold { store.holdBundle(of: id) }

  /// After an engine could not load a model: what is wrong with the model's files, or nil.
  package func explainLoadFailure(of id: Digest, name: String) async -> String? {
    await loadFailures.explain(id, name: name)
  }
}
