// SPDX-License-Identifier: Apache-2.0

import PetrelAPI
import PetrelOCI
import PetrelTerminal

/// The table of `list`: a row for each tag, and one for each model without tags.
struct ModelListing {
  private struct Row {
    let name: String
    let model: ModelObject

    /// The name up to its last colon, and what follows; both fit for comparing.
    var sortKey: (base: String, variant: String) {
      let name = name.lowercased()
      guard let colon = name.lastIndex(of: ":") else { return (name, "") }
      return (String(name[..<colon]), String(name[name.index(after: colon)...]))
    }
  }

  private static let header = [
    "MODEL NAME", "PARAMETERS", "QUANTIZATION", "ARCHITECTURE", "MODEL ID", "CREATED", "CONTEXT", "SIZE",
  ]

  private let rows: [Row]

  init(_ models: [ModelObject], names: ModelNames) {
    let unsorted = models.flatMap { model in
      let tags = model.tags ?? []
      return tags.isEmpty
        ? [Row(name: "<none>", model: model)] : tags.map { Row(name: names.display($0), model: model) }
    }
    rows = unsorted.sorted { $0.sortKey < $1.sortKey }
  }

  var displayedNames: [String] { rows.map(\.name) }

  /// - Parameter now: seconds since 1970.
  func rendered(now: Double) -> String {
    let cells = rows.map { row in
      let config = row.model.config
      let age = Int64(now) - row.model.created
      return [
        row.name, config.parameters ?? "", config.quantization ?? "", config.architecture ?? "", row.model.id.short,
        HumanUnits.duration(seconds: age) + " ago", row.model.contextSize.map(String.init) ?? "", config.size ?? "",
      ]
    }
    return TextTable(header: Self.header, rows: cells).rendered()
  }

  /// The models that have a tag matching `filter`, with those tags only.
  static func filter(_ models: [ModelObject], by filter: String, names: ModelNames) -> [ModelObject] {
    models.compactMap { model in
      var model = model
      let tags = (model.tags ?? []).filter { names.matches($0, filter: filter) }
      guard !tags.isEmpty else { return nil }
      model.tags = tags
      return model
    }
  }
}
