// SPDX-License-Identifier: Apache-2.0

/// Counts that an engine reports, within bounds in which they can be added.
package enum TokenCount {
  private static let maximum = 1 << 40

  /// 0 for what is no count.
  package static func read(_ node: JSONNode?) -> Int { min(maximum, max(0, node?.integer ?? 0)) }
}
