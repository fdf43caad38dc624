// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Decides whether a request with a key may go on, and counts what the key is used for.
///
/// It may be asked on event loops: apart from reading a file that has changed, nothing waits.
package final class KeyGate: Sendable {
  /// Where the gate has the time from.
  package struct Clock: Sendable {
    /// Seconds since 1970.
    package var now: @Sendable () -> Int64
    /// Seconds since any fixed moment; never goes back.
    package var uptime: @Sendable () -> Double

    package init(now: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> Double) {
      self.now = now
      self.uptime = uptime
    }
  }

  private struct Entry {
    let key: APIKey
    let digest: SecretDigest
  }

  private struct State {
    var stamp: KeyFileSystem.Stamp?
    var entries: [Entry] = []
    /// Set while the file can't be read: then nobody is let in.
    var failure: AccessError?
    /// By the keys' digests, so that limits hold on when the file changes.
    var usage: [String: KeyUsage] = [:]
  }

  private let file: APIKeyFile
  private let clock: Clock
  private let onFailure: @Sendable (AccessError) -> Void
  private let state = Mutex(State())

  /// - Parameter onFailure: hears once for each content of the file that can't be read.
  package init(file: APIKeyFile, clock: Clock, onFailure: @escaping @Sendable (AccessError) -> Void) {
    self.file = file
    self.clock = clock
    self.onFailure = onFailure
  }

  /// How many keys there are that have not expired.
  package var usableKeys: Int {
    state.withLock { state in
      refresh(&state)
      return state.entries.count { !$0.key.isExpired(at: clock.now()) }
    }
  }

  /// - Parameters:
  ///   - secret: what the client sent; nil when it sent none.
  ///   - scope: what the request needs; nil when any key will do.
  /// - Returns: what must be kept until the request has been answered.
  package func admit(_ secret: String?, for scope: AccessScope?) throws(AccessDenial) -> KeyUse {
    guard let secret else { throw .missing }
    let digest = SecretDigest(of: secret)
    let result = state.withLock { state in
      refresh(&state)
      return admit(digest, scope, &state)
    }
    return try result.get()
  }

  private func admit(
    _ digest: SecretDigest, _ scope: AccessScope?, _ state: inout State
  ) -> Result<KeyUse, AccessDenial> {
    var found: APIKey?
    // All are compared, so that the time does not tell which key comes close.
    for entry in state.entries where entry.digest.isEqual(to: digest) { found = entry.key }
    guard let key = found else { return .failure(.unknown) }
    guard !key.isExpired(at: clock.now()) else { return .failure(.expired) }
    guard key.allows(scope) else { return .failure(.outOfScope(scope ?? .admin)) }
    guard key.requestsPerMinute != nil || key.concurrentRequests != nil else {
      return .success(KeyUse(key: key.digest, onEnd: nil))
    }
    var usage = state.usage[key.digest] ?? KeyUsage()
    defer { state.usage[key.digest] = usage }
    if let limit = key.concurrentRequests, usage.running >= limit { return .failure(.tooManyAtOnce(limit: limit)) }
    if let rate = key.requestsPerMinute, let wait = usage.take(perMinute: rate, at: clock.uptime()) {
      return .failure(.tooManyRequests(perMinute: rate, retryAfter: wait))
    }
    usage.running += 1
    let name = key.digest
    return .success(
      KeyUse(key: name) { [weak self] in
        self?.state.withLock { $0.usage[name]?.running -= 1 }
      })
  }

  /// Reads the file again when it has changed. Keys that are revoked are refused from their next request on.
  private func refresh(_ state: inout State) {
    let stamp = file.stamp()
    guard stamp != state.stamp else { return }
    state.stamp = stamp
    do throws(AccessError) {
      let keys = try file.read()
      state.entries = keys.compactMap { key in SecretDigest(hex: key.digest).map { Entry(key: key, digest: $0) } }
      state.failure = nil
      let known = Set(keys.map(\.digest))
      state.usage = state.usage.filter { known.contains($0.key) || $0.value.running > 0 }
    } catch {
      state.entries = []
      if state.failure != error { onFailure(error) }
      state.failure = error
    }
  }
}

/// Why a request may not go on.
package enum AccessDenial: Error, Sendable, Equatable {
  /// It has no key.
  case missing
  /// Its key is not, or no longer, among those there are.
  case unknown
  case expired
  /// Its key is not for this.
  case outOfScope(AccessScope)
  /// Seconds until there is room for another request.
  case tooManyRequests(perMinute: Int, retryAfter: Int)
  case tooManyAtOnce(limit: Int)
}

/// A key's part in one request: it counts as running until this is gone.
package final class KeyUse: Sendable {
  /// Which key it is: its digest.
  package let key: String
  private let onEnd: (@Sendable () -> Void)?

  init(key: String, onEnd: (@Sendable () -> Void)?) {
    self.key = key
    self.onEnd = onEnd
  }

  /// Whether somebody has to keep it.
  package var counts: Bool { onEnd != nil }

  deinit { onEnd?() }
}
