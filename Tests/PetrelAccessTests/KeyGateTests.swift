// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import PetrelAccess

/// A clock that stands still until it is told to go on.
private final class TestClock: Sendable {
  private let seconds = Mutex(1_000_000.0)

  func advance(by seconds: Double) { self.seconds.withLock { $0 += seconds } }
  var gateClock: KeyGate.Clock {
    KeyGate.Clock(now: { Int64(self.seconds.withLock { $0 }) }, uptime: { self.seconds.withLock { $0 } })
  }
}

/// Errors that a gate has told of.
private final class Failures: Sendable {
  private let content = Mutex<[AccessError]>([])
  func append(_ error: AccessError) { content.withLock { $0.append(error) } }
  var values: [AccessError] { content.withLock { $0 } }
}

struct KeyGateTests {
  private static func withGate(_ body: (KeyGate, APIKeyFile, TestClock, Failures) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let file = APIKeyFile(home: folder)
      let clock = TestClock()
      let failures = Failures()
      let gate = KeyGate(file: file, clock: clock.gateClock) { error in failures.append(error) }
      try body(gate, file, clock, failures)
    }
  }

  private static func key(
    _ name: String, _ secret: KeySecret, _ scopes: [AccessScope] = [.inference], expires: Int64? = nil,
    rate: Int? = nil, concurrency: Int? = nil
  ) -> APIKey {
    APIKey(
      name: name, secret: secret, scopes: scopes, created: 1, expires: expires, requestsPerMinute: rate,
      concurrentRequests: concurrency)
  }

  @Test func onlyWhoHasAKeyIsLetIn() async throws {
    try await Self.withGate { gate, file, _, _ in
      let secret = KeySecret()
      try file.add(Self.key("one", secret))
      _ = try gate.admit(secret.text, for: .inference)
      #expect(throws: AccessDenial.missing) { try gate.admit(nil, for: .inference) }
      #expect(throws: AccessDenial.unknown) { try gate.admit(KeySecret().text, for: .inference) }
      #expect(throws: AccessDenial.unknown) { try gate.admit("", for: nil) }
      #expect(throws: AccessDenial.unknown) { try gate.admit(String(secret.text.dropLast()), for: nil) }
    }
  }

  @Test func scopesSayWhatForAKeyIs() async throws {
    try await Self.withGate { gate, file, _, _ in
      let (asking, storing, all) = (KeySecret(), KeySecret(), KeySecret())
      try file.add(Self.key("asking", asking))
      try file.add(Self.key("storing", storing, [.models]))
      try file.add(Self.key("all", all, [.admin]))
      for scope in AccessScope.allCases { _ = try gate.admit(all.text, for: scope) }
      _ = try gate.admit(storing.text, for: .models)
      _ = try gate.admit(asking.text, for: nil)
      #expect(throws: AccessDenial.outOfScope(.models)) { try gate.admit(asking.text, for: .models) }
      #expect(throws: AccessDenial.outOfScope(.admin)) { try gate.admit(storing.text, for: .admin) }
      #expect(throws: AccessDenial.outOfScope(.inference)) { try gate.admit(storing.text, for: .inference) }
    }
  }

  @Test func changesOfTheFileHoldAtOnce() async throws {
    try await Self.withGate { gate, file, _, _ in
      let secret = KeySecret()
      #expect(gate.usableKeys == 0)
      try file.add(Self.key("one", secret))
      #expect(gate.usableKeys == 1)
      _ = try gate.admit(secret.text, for: .inference)
      #expect(try file.remove("one").name == "one")
      #expect(throws: AccessDenial.unknown) { try gate.admit(secret.text, for: .inference) }
    }
  }

  @Test func keysExpire() async throws {
    try await Self.withGate { gate, file, clock, _ in
      let secret = KeySecret()
      try file.add(Self.key("short", secret, expires: 1_000_060))
      _ = try gate.admit(secret.text, for: .inference)
      clock.advance(by: 60)
      #expect(throws: AccessDenial.expired) { try gate.admit(secret.text, for: .inference) }
      #expect(gate.usableKeys == 0)
    }
  }

  @Test func ratesAreKept() async throws {
    try await Self.withGate { gate, file, clock, _ in
      let secret = KeySecret()
      try file.add(Self.key("slow", secret, rate: 2))
      _ = try gate.admit(secret.text, for: .inference)
      _ = try gate.admit(secret.text, for: .inference)
      #expect(throws: AccessDenial.tooManyRequests(perMinute: 2, retryAfter: 30)) {
        try gate.admit(secret.text, for: .inference)
      }
      clock.advance(by: 30)
      _ = try gate.admit(secret.text, for: .inference)
      #expect(throws: AccessDenial.tooManyRequests(perMinute: 2, retryAfter: 30)) {
        try gate.admit(secret.text, for: .inference)
      }
    }
  }

  @Test func concurrencyIsCountedUntilTheRequestEnds() async throws {
    try await Self.withGate { gate, file, _, _ in
      let secret = KeySecret()
      try file.add(Self.key("narrow", secret, concurrency: 1))
      var use: KeyUse? = try gate.admit(secret.text, for: .inference)
      #expect(use?.counts == true)
      #expect(throws: AccessDenial.tooManyAtOnce(limit: 1)) { try gate.admit(secret.text, for: .inference) }
      use = nil
      _ = try gate.admit(secret.text, for: .inference)
      // What runs goes on counting when the file changes.
      use = try gate.admit(secret.text, for: .inference)
      try file.add(Self.key("other", KeySecret()))
      #expect(throws: AccessDenial.tooManyAtOnce(limit: 1)) { try gate.admit(secret.text, for: .inference) }
      withExtendedLifetime(use) {}
    }
  }

  @Test func aDamagedFileLetsNobodyIn() async throws {
    try await Self.withGate { gate, file, _, failures in
      let secret = KeySecret()
      try file.add(Self.key("one", secret))
      _ = try gate.admit(secret.text, for: .inference)
      try file.path.write("{")
      #expect(throws: AccessDenial.unknown) { try gate.admit(secret.text, for: .inference) }
      #expect(throws: AccessDenial.unknown) { try gate.admit(secret.text, for: .inference) }
      #expect(failures.values.map(\.code) == [.damaged])
      #expect(throws: AccessError.self) { try file.add(Self.key("two", secret)) }
    }
  }
}
