// SPDX-License-Identifier: Apache-2.0

extension FileChoice {
  /// Every model in a folder that is laid out like a repository, with the tag that tells it from the others: its
  /// quantisation, else its name, or `latest` when it is alone. Incomplete ones are left out.
  package static func all(in files: [HubFile], repository: String) -> [(tag: String, choice: FileChoice)] {
    let weights = files.filter { $0.kind == .gguf && !$0.isProjector }
    let groups = WeightsGroup.groups(of: weights).filter { $0.isWhole && NameMatch("imatrix", in: $0.title) == nil }
    guard !groups.isEmpty else {
      let others = files.filter { $0.kind != .gguf && $0.kind != .dduf }
      let choice = try? FileChoice(from: others, selector: nil, repository: repository)
      return choice.map { [("latest", $0)] } ?? []
    }
    let quantizations = groups.map { NameMatch.quantization(in: $0.title) }
    return zip(groups, quantizations).compactMap { group, quantization in
      let isAlone = quantization.map { name in quantizations.count { $0 == name } == 1 } ?? (groups.count == 1)
      let others = files.filter { $0.kind != .safetensors && $0.kind != .dduf && (!weights.contains($0)) }
      guard let choice = try? FileChoice(from: others + group.files, selector: nil, repository: repository) else {
        return nil
      }
      let name = group.title.split(separator: "/").last.map(String.init) ?? group.title
      return (isAlone ? quantization ?? "latest" : name, choice)
    }
  }
}
