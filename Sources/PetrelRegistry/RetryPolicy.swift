// SPDX-License-Identifier: Apache-2.0

/// When and how often a failed request is repeated: exponential back-off, jittered over its upper half.
package struct RetryPolicy: Sendable {
  /// Tries in all, the first included.
  package var attempts: Int
  /// The longest wait after the first failure; it doubles after each further one.
  package var baseDelay: Duration
  package var maximumDelay: Duration
  /// A registry that asks for a longer pause than this is not waited for.
  package var maximumRetryAfter: Duration
  /// A number in 0...1.
  package var random: @Sendable () -> Double
  package var sleep: @Sendable (Duration) async throws -> Void

  package init(
    attempts: Int = 5,
    baseDelay: Duration = .seconds(1),
    maximumDelay: Duration = .seconds(30),
    maximumRetryAfter: Duration = .seconds(120),
    random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.attempts = attempts
    self.baseDelay = baseDelay
    self.maximumDelay = maximumDelay
    self.maximumRetryAfter = maximumRetryAfter
    self.random = random
    self.sleep = sleep
  }

  /// The pause before the next try, or nil when there should be none.
  ///
  /// - Parameter failures: failures in a row so far, from 1.
  package func delay(afterFailures failures: Int, error: RegistryError) -> Duration? {
    guard error.isRetryable, failures < attempts else { return nil }
    let doubled = baseDelay * (1 << min(max(failures - 1, 0), 16))
    let backOff = min(doubled, maximumDelay) * (0.5 + 0.5 * random())
    guard let retryAfter = error.retryAfter else { return backOff }
    return retryAfter <= maximumRetryAfter ? max(retryAfter, backOff) : nil
  }

  /// Runs `operation` until it succeeds, fails for good or the tries are used up. Throws its last error.
  package func withRetries<Result>(
    isolation: isolated (any Actor)? = #isolation,
    _ operation: () async throws -> Result
  ) async throws -> Result {
    var failures = 0
    while true {
      do {
        return try await operation()
      } catch let error as RegistryError {
        failures += 1
        guard let delay = delay(afterFailures: failures, error: error) else { throw error }
        try await sleep(delay)
      }
    }
  }
}
