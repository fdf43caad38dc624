// SPDX-License-Identifier: Apache-2.0

/// A key as it is kept: what it allows, and the digest of the secret, never the secret itself.
package struct APIKey: Codable, Hashable, Sendable {
  /// Unique among the keys that there are.
  package let name: String
  /// SHA-256 of the secret in hexadecimal, 64 digits.
  package let digest: String
  package let scopes: [AccessScope]
  /// Seconds since 1970.
  package let created: Int64
  /// Seconds since 1970; nil for never.
  package let expires: Int64?
  /// Requests a minute, with so many at once after a pause; nil without limit.
  package let requestsPerMinute: Int?
  /// Requests at the same time; nil without limit.
  package let concurrentRequests: Int?

  package init(
    name: String, secret: KeySecret, scopes: [AccessScope], created: Int64, expires: Int64? = nil,
    requestsPerMinute: Int? = nil, concurrentRequests: Int? = nil
  ) {
    self.name = name
    digest = secret.digest.hex
    self.scopes = scopes
    self.created = created
    self.expires = expires
    self.requestsPerMinute = requestsPerMinute
    self.concurrentRequests = concurrentRequests
  }

  /// The first digits of the digest, which tell keys apart as names do.
  package var id: String { String(digest.prefix(12)) }

  package func isExpired(at time: Int64) -> Bool { expires.map { $0 <= time } ?? false }

  /// Whether the key may do what `scope` stands for; any key may do what needs no scope.
  func allows(_ scope: AccessScope?) -> Bool {
    scope.map { needed in scopes.contains { $0.covers(needed) } } ?? true
  }
}
