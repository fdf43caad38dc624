// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry
import Testing

@Suite struct RetryPolicyTests {
  private let busy = RegistryError(.unavailable, "busy")

  @Test func backsOffExponentiallyUpToTheMaximum() {
    let policy = RetryPolicy(attempts: 10, baseDelay: .seconds(1), maximumDelay: .seconds(5), random: { 1 })
    let delays = (1...5).map { policy.delay(afterFailures: $0, error: busy) }
    #expect(delays == [.seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5)])
    #expect(policy.delay(afterFailures: 10, error: busy) == nil)
  }

  @Test func jitterCoversTheUpperHalf() {
    let policy = RetryPolicy(baseDelay: .seconds(8), random: { 0 })
    #expect(policy.delay(afterFailures: 1, error: busy) == .seconds(4))
  }

  @Test func waitsAsLongAsAsked() {
    let policy = RetryPolicy(maximumRetryAfter: .seconds(60), random: { 1 })
    func delay(_ seconds: Int) -> Duration? {
      policy.delay(afterFailures: 1, error: RegistryError(.rateLimited, "slow", retryAfter: .seconds(seconds)))
    }
    #expect(delay(17) == .seconds(17))
    #expect(delay(0) == .seconds(1))
    #expect(delay(61) == nil)
  }

  @Test func stopsAtErrorsThatWillNotGoAway() async {
    var tries = 0
    await expectRegistryError(.notFound) {
      try await RetryPolicy(sleep: { _ in }).withRetries {
        tries += 1
        throw RegistryError(.notFound, "gone")
      }
    }
    #expect(tries == 1)
  }

  @Test func succeedsInTheEnd() async throws {
    var tries = 0
    let result = try await RetryPolicy(attempts: 3, sleep: { _ in }).withRetries {
      tries += 1
      if tries < 3 { throw busy }
      return tries
    }
    #expect(result == 3)
  }
}
