// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelStore

/// Brings what is broken in a store again from where the models' tags say that they came. A broken file stays until a
/// fresh one takes its place.
struct StoreRepair: Sendable {
  struct Outcome: Sendable, Hashable {
    var isRepaired: Bool
    var message: String
  }

  let library: ModelLibrary
  /// Remove models that can't be repaired.
  let removesBroken: Bool
  let report: StoreCheck.Report

  /// What has become of each finding that is damage.
  func run(_ findings: [StoreFinding]) async throws -> [StoreFinding: Outcome] {
    var outcomes: [StoreFinding: Outcome] = [:]
    var broken: [StoreFinding] = []
    // The index first: the others change it.
    for finding in findings.filter(\.kind.isDamage).sorted(by: { $0.kind == .unreadableIndex && $1.kind != $0.kind }) {
      if let outcome = try await repairInPlace(finding) {
        outcomes[finding] = outcome
      } else {
        broken.append(finding)
      }
    }
    let fates = try await bringAgain(broken)
    for finding in broken {
      let mended = finding.models.compactMap { fates[$0] }
      outcomes[finding] =
        mended.first(where: \.isRepaired) ?? mended.first
        ?? Outcome(isRepaired: false, message: "nothing is known that could repair it")
    }
    return outcomes
  }

  /// Nil when the registry is needed.
  private func repairInPlace(_ finding: StoreFinding) async throws -> Outcome? {
    let store = library.store
    switch finding.kind {
    case .unreadableIndex:
      let count = try await store.rebuildIndex() ?? 0
      return Outcome(
        isRepaired: true, message: "made a new index with \(count) models; the old one is models.json.damaged")
    case .invalidEntry:
      guard removesBroken else {
        return Outcome(isRepaired: false, message: "`petrel fsck --repair --remove-broken` drops the entry")
      }
      try await store.dropInvalidEntries()
      return Outcome(isRepaired: true, message: "dropped the entry")
    case .wrongFileList:
      guard let id = finding.digest else { return nil }
      try await store.repairFileList(of: id)
      return Outcome(isRepaired: true, message: "took the list from the manifest")
    case .staleBundle:
      for id in finding.models { try await store.discardBundle(id) }
      return Outcome(isRepaired: true, message: "removed; the next load makes it anew")
    case .damagedBlob where finding.models.isEmpty:
      guard let digest = finding.digest else { return nil }
      try await store.removeDamagedOrphan(digest)
      return Outcome(isRepaired: true, message: "removed; no model uses it")
    default: return nil
    }
  }

  private func bringAgain(_ findings: [StoreFinding]) async throws -> [Digest: Outcome] {
    let store = library.store
    for finding in findings {
      if finding.kind == .damagedBlob, let digest = finding.digest { try await store.markDamaged(digest) }
      for id in finding.models { store.forget(id) }
    }
    var fates: [Digest: Outcome] = [:]
    for id in Set(findings.flatMap(\.models)).sorted(by: { $0.hex < $1.hex }) {
      var fate = try await bringAgain(id)
      if !fate.isRepaired, removesBroken {
        _ = try await store.remove(ModelSelector(parsing: id.description), force: true)
        library.changed()
        fate = Outcome(isRepaired: true, message: "removed the model: \(fate.message)")
      }
      fates[id] = fate
    }
    return fates
  }

  private func bringAgain(_ id: Digest) async throws -> Outcome {
    // A blob that models share has come with the first of them.
    if try await isSound(id) { return Outcome(isRepaired: true, message: "brought again") }
    let tags = try await library.store.tags()[id] ?? []
    var reasons: [String] = []
    for name in sources(tags, id) {
      do {
        try await pull(name)
        if try await isSound(id) { return Outcome(isRepaired: true, message: "brought again from \(name)") }
        reasons.append("\(name) is another model now")
      } catch let error as LibraryError where error.code != .cancelled {
        reasons.append("\(name): \(error.message)")
      }
    }
    let cause = reasons.isEmpty ? "no tag says where it came from" : reasons.joined(separator: "; ")
    return Outcome(
      isRepaired: false,
      message: cause + "; remove it with `petrel rm \(id.short)`, and package or import it anew if it was made here")
  }

  /// Names to pull. By digest, as a tag may mean another model by now; Hugging Face knows no digests.
  private func sources(_ tags: [String], _ id: Digest) -> [String] {
    var names: [String] = []
    for reference in tags.compactMap({ try? ModelReference(parsing: $0) }) {
      let name =
        reference.registry == ModelReference.huggingFace
        ? reference.description : "\(reference.registry)/\(reference.repository)@\(id)"
      if !names.contains(name) { names.append(name) }
    }
    return names
  }

  private func pull(_ name: String) async throws {
    try await report(StoreCheckLine(.progress, message: "Pulling \(name)"))
    let stream = try await library.pull(name)
    var layers: [String: Int64] = [:]
    for await line in stream where line.type == .progress {
      guard let layer = line.layer.id else { continue }
      layers[layer] = line.layer.current
      try await report(
        StoreCheckLine(
          .progress, message: "Pulling \(name)", checked: layers.values.reduce(0, +), total: line.total))
    }
    try Task.checkCancellation()
    if let failure = stream.failure { throw failure }
  }

  /// Whether the model's files are there, as far as can be told without reading all of them; what was found damaged
  /// counts as damaged until it is replaced.
  private func isSound(_ id: Digest) async throws -> Bool {
    try await library.store.inspect([id]).findings.allSatisfy { !$0.kind.isDamage || $0.kind == .staleBundle }
  }
}
