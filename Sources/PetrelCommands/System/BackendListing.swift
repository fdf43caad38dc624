// SPDX-License-Identifier: Apache-2.0

import PetrelTerminal

/// The table of `status`.
struct BackendListing {
  /// A backend's state as the daemon words it: one of the known states, or with details after a colon.
  struct State: Equatable {
    /// In the order in which they are listed.
    private static let known = ["Running", "Error", "Not Installed", "Installing"]

    let name: String
    let details: String

    init(_ text: String) {
      if text.isEmpty {
        (name, details) = ("Not Installed", "")
      } else if let name = Self.known.first(where: { text == $0 || text.hasPrefix($0 + ":") }) {
        self.name = name
        details = String(text.dropFirst(name.count + 1).drop { $0 == " " })
      } else {
        (name, details) = ("Error", text)
      }
    }

    var rank: Int { Self.known.firstIndex(of: name) ?? Self.known.count }
  }

  private let rows: [(backend: String, state: State)]

  /// - Parameter backends: names and states.
  init(_ backends: [String: String]) {
    rows = backends.map { (backend: $0.key, state: State($0.value)) }.sorted {
      ($0.state.rank, $0.backend) < ($1.state.rank, $1.backend)
    }
  }

  func rendered() -> String {
    TextTable(
      header: ["BACKEND", "STATUS", "DETAILS"], rows: rows.map { [$0.backend, $0.state.name, $0.state.details] }
    ).rendered()
  }
}
