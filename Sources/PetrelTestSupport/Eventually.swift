// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A condition that did not come true in time.
package struct DeadlinePassed: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// Returns as soon as `condition` is true.
///
/// The limit is generous: a busy machine may be slow, and only a test that fails waits for it.
///
/// - Throws: ``DeadlinePassed`` when it is not after `limit`, and what `condition` throws.
package func eventually(
  _ what: String = "the condition", within limit: Duration = .seconds(300),
  isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard .now < deadline else { throw DeadlinePassed("\(what) has not come true within \(limit)") }
    try await Task.sleep(for: .milliseconds(1))
  }
}

/// Returns when `value` has been the same for a while: what moves it has come to a halt.
package func settled(_ what: String, _ value: () -> Int) async throws -> Int {
  var last = value()
  var unchanged = 0
  try await eventually("\(what) at rest") {
    let now = value()
    unchanged = now == last ? unchanged + 1 : 0
    last = now
    return unchanged > 60
  }
  return last
}

/// Something that happens once, and that others wait for.
package final class Flag: Sendable {
  private let state = Mutex(false)

  package init() {}

  package var isSet: Bool { state.withLock { $0 } }
  package func set() { state.withLock { $0 = true } }

  /// - Throws: `CancellationError`, or ``DeadlinePassed``.
  package func wait(_ what: String = "the flag") async throws { try await eventually(what) { isSet } }
}

/// Counts from any thread.
package final class Tally: Sendable {
  private let state = Mutex(0)

  package init() {}

  package var value: Int { state.withLock { $0 } }
  package func add(_ amount: Int = 1) { state.withLock { $0 += amount } }
}
