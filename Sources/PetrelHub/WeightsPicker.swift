// SPDX-License-Identifier: Apache-2.0

import PetrelOCI

/// Picks one set of weights out of a repository, by the rules of Docker Model Runner where those are sound: a selector
/// that fits nothing, or several models, is an error and no guess.
struct WeightsPicker {
  /// What is taken when nothing is asked for.
  static let preferred = "Q4_K_M"

  let files: [HubFile]
  let selector: String?
  let repository: String

  func pick() throws(HubError) -> WeightsGroup {
    let weights = files.filter { [.gguf, .safetensors, .dduf].contains($0.kind) }
    guard weights.contains(where: { $0.kind == .gguf }) else { return try pickWithoutGGUF(weights) }
    let groups = WeightsGroup.groups(of: weights.filter { $0.kind != .dduf && !$0.isProjector }).filter { group in
      // A table of importances, which tools make on the way, is no model.
      NameMatch("imatrix", in: group.title) == nil
    }
    guard let first = groups.first else {
      throw HubError(.noWeights, "\(repository) has projectors but no weights; look for the model's own repository")
    }
    if groups.count == 1 {
      try requireNoContradiction(first)
      return first
    }
    if let selector {
      if let group = try find(selector, in: groups) { return group }
      throw HubError(
        .noSuchChoice, "\(repository) has nothing that \(quoted(selector)) fits; it has \(list(groups))")
    }
    if let group = try find(Self.preferred, in: groups) { return group }
    return groups.min { ($0.name, $0.title) < ($1.name, $1.title) } ?? first
  }

  /// The one group that `selector` fits; of `x-Q4_K_M` and `x-UD-Q4_K_M` the plain one.
  private func find(_ selector: String, in groups: [WeightsGroup]) throws(HubError) -> WeightsGroup? {
    let matches = groups.compactMap { group in
      NameMatch(selector, in: group.title).map { (group: group, match: $0) }
    }
    let whole = matches.filter(\.match.isWhole)
    let best = whole.isEmpty ? matches : whole
    guard best.count > 1 else { return best.first?.group }
    let plain = best.filter { candidate in
      best.allSatisfy { $0.match.stem.hasPrefix(candidate.match.stem) }
    }
    if plain.count == 1 { return plain[0].group }
    throw HubError(
      .noSuchChoice,
      "\(quoted(selector)) fits several models of \(repository): \(list(best.map(\.group))); "
        + "write more of the file's name behind the colon")
  }

  private func pickWithoutGGUF(_ weights: [HubFile]) throws(HubError) -> WeightsGroup {
    let safetensors = weights.filter { $0.kind == .safetensors }
    if !safetensors.isEmpty {
      if let selector, NameMatch.quantization(in: selector) == selector.uppercased() {
        throw HubError(
          .noSuchChoice,
          "\(repository) has no GGUF files and so no \(quoted(selector)): it has safetensors, which "
            + "`hf.co/\(repository)` without a quantization takes")
      }
      // Parts of one model, however they are cut: all are taken.
      try requireWholeShards(safetensors)
      return WeightsGroup(
        title: repository, kind: .safetensors, files: safetensors, expected: safetensors.count)
    }
    let groups = WeightsGroup.groups(of: weights)
    guard let first = groups.first else {
      throw HubError(
        .noWeights, "\(repository) has no GGUF, safetensors or DDUF files; petrel can use no other weights")
    }
    guard groups.count > 1, let selector else { return first }
    if let group = try find(selector, in: groups) { return group }
    throw HubError(.noSuchChoice, "\(repository) has nothing that \(quoted(selector)) fits; it has \(list(groups))")
  }

  private func requireWholeShards(_ files: [HubFile]) throws(HubError) {
    for group in WeightsGroup.groups(of: files) where !group.isWhole {
      throw HubError(
        .noWeights,
        "\(repository) has only \(group.files.count) of the \(group.expected) files of \(group.title): "
          + "the upload is not complete; try again later")
    }
  }

  /// The only weights are taken whatever the selector says, unless it asks for another quantisation than theirs.
  private func requireNoContradiction(_ group: WeightsGroup) throws(HubError) {
    guard let selector, let wanted = NameMatch.quantization(in: selector), wanted == selector.uppercased(),
      let present = NameMatch.quantization(in: group.title), present != wanted,
      NameMatch(selector, in: group.title) == nil
    else { return }
    throw HubError(.noSuchChoice, "\(repository) has no \(quoted(selector)); it has \(list([group]))")
  }

  /// Quantisations where they tell the groups apart, else names; at most forty.
  private func list(_ groups: [WeightsGroup]) -> String {
    let quantizations = groups.map { NameMatch.quantization(in: $0.title) }
    let known = Set(quantizations.compactMap { $0 })
    let labels =
      known.count == groups.count ? quantizations.compactMap { $0 } : groups.map { $0.title }
    let shown = labels.prefix(40).joined(separator: ", ")
    return labels.count > 40 ? shown + " and \(labels.count - 40) more" : shown
  }
}
