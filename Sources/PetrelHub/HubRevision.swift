// SPDX-License-Identifier: Apache-2.0

/// A repository in one state.
package struct HubRevision: Hashable, Sendable {
  /// With the letter case that the hub has: `Owner/Repo`.
  package let repository: String
  /// Forty hex digits.
  package let commit: String
  /// RFC 3339 in UTC, with a fraction only where it is not zero. Nil when the hub does not say.
  package let lastModified: String?

  package init(repository: String, commit: String, lastModified: String?) {
    self.repository = repository
    self.commit = commit
    self.lastModified = lastModified.flatMap(Self.normalized)
  }

  /// `2024-05-01T10:00:00.000Z` becomes `2024-05-01T10:00:00Z`. Nil when the text is no such time.
  static func normalized(_ text: String) -> String? {
    guard let match = text.wholeMatch(of: /([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?Z/)
    else { return nil }
    var fraction = match.2.map(String.init) ?? ""
    while fraction.last == "0" { fraction.removeLast() }
    return match.1 + (fraction == "." ? "" : fraction) + "Z"
  }
}
