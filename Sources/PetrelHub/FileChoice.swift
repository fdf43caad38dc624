// SPDX-License-Identifier: Apache-2.0

/// Which files of a repository make up the model that a name means.
package struct FileChoice: Hashable, Sendable {
  package enum Form: Sendable {
    /// GGUF weights with what belongs to them.
    case gguf
    /// A folder of safetensors with all that engines read beside them.
    case folder
    case dduf
  }

  package let form: Form
  /// In the order of the shards.
  package let weights: [HubFile]
  /// With GGUF weights only.
  package let projector: HubFile?
  /// With GGUF weights only: where a chat template can be had, the best place first.
  package let templates: [HubFile]
  package let licenses: [HubFile]
  /// Of a folder, all files but the weights, licences included, in the order in which folders are walked.
  package let others: [HubFile]

  /// Bytes of all weights; the largest number there is when a listing claims more.
  package var totalSize: Int64 {
    weights.reduce(0) { total, file in
      let (sum, overflow) = total.addingReportingOverflow(file.size)
      return overflow ? .max : sum
    }
  }

  /// - Parameter selector: the name's; nil for the default.
  package init(from files: [HubFile], selector: String?, repository: String) throws(HubError) {
    let files = files.sorted(by: HubFile.inWalkingOrder)
    let picker = WeightsPicker(files: files, selector: selector, repository: repository)
    let group = try picker.pick()
    guard group.isWhole else {
      throw HubError(
        .noWeights,
        "\(repository) has only \(group.files.count) of the \(group.expected) files of \(group.title): "
          + "the upload is not complete; try another quantization, or later")
    }
    weights = group.files
    licenses = files.filter { $0.kind == .license && $0.folder.isEmpty && $0.size > 0 }
    switch group.kind {
    case .safetensors:
      form = .folder
      projector = nil
      templates = []
      others = files.filter { [.chatTemplate, .license, .config].contains($0.kind) && $0.size > 0 }
    case .dduf:
      form = .dduf
      projector = nil
      templates = []
      others = []
    default:
      form = .gguf
      projector = Self.projector(for: group, in: files)
      templates = Self.templates(for: group, in: files)
      others = []
    }
  }

  /// One in the weights' own folder before others, F16 before BF16 before F32 before the rest.
  private static func projector(for group: WeightsGroup, in files: [HubFile]) -> HubFile? {
    let all = files.filter(\.isProjector)
    let near = all.filter { $0.folder == group.files.first?.folder }
    let candidates = near.isEmpty ? all : near
    for word in ["f16", "fp16", "bf16", "f32"] {
      let found = candidates.first { NameMatch(word, in: String($0.name.dropLast(".gguf".count))) != nil }
      if let found { return found }
    }
    return candidates.first
  }

  /// A Jinja file, then the JSON files that may hold a template; those beside the weights or in the root.
  private static func templates(for group: WeightsGroup, in files: [HubFile]) -> [HubFile] {
    let folders = [group.files.first?.folder ?? "", ""]
    func ranked(_ fits: (String) -> Bool) -> [HubFile] {
      folders.flatMap { folder in files.filter { $0.folder == folder && $0.size > 0 && fits($0.name.lowercased()) } }
    }
    var found: [HubFile] = []
    let jinja = ranked { $0 == "chat_template.jinja" } + ranked { $0.hasSuffix(".jinja") }
    for file in jinja + ranked({ $0 == "chat_template.json" }) + ranked({ $0 == "tokenizer_config.json" })
    where !found.contains(file) {
      found.append(file)
    }
    return found
  }
}
