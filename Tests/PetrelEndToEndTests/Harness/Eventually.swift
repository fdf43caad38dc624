// SPDX-License-Identifier: Apache-2.0

struct TimedOut: Error, CustomStringConvertible {
  let what: String
  let limit: Duration
  var description: String { "not within \(limit): \(what)" }
}

/// Waits until `condition` gives a value.
///
/// - Parameter what: names the condition in the error that is thrown at the deadline.
@discardableResult
func eventually<Value>(
  _ what: String, within limit: Duration = .seconds(300), _ condition: () async throws -> Value?
) async throws -> Value {
  let deadline = ContinuousClock.now + limit
  while true {
    if let value = try await condition() { return value }
    guard ContinuousClock.now < deadline else { throw TimedOut(what: what, limit: limit) }
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// Waits until `condition` holds.
func eventually(
  _ what: String, within limit: Duration = .seconds(300), holds condition: () async throws -> Bool
) async throws {
  try await eventually(what, within: limit) { try await condition() ? true : nil }
}
