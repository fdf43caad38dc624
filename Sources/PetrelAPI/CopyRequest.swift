// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /models/{source}/copy`.
package struct CopyRequest: Codable, Sendable, Hashable {
  /// A name with a tag, in any registry.
  package var target: String

  package init(target: String) { self.target = target }
}
