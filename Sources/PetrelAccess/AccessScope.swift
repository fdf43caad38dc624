// SPDX-License-Identifier: Apache-2.0

/// What a key may be used for.
package enum AccessScope: String, Codable, CaseIterable, Sendable {
  /// Ask models, and see which there are.
  case inference
  /// Change what is in the store: pull, push, tag, remove, package.
  case models
  /// Everything.
  case admin

  /// Whether a key with this scope may do what `needed` stands for.
  func covers(_ needed: AccessScope) -> Bool { self == needed || self == .admin }
}
