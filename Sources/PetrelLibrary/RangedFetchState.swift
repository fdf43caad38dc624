// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry
import PetrelStore

/// What a ``RangedFetch`` has to decide: which span comes next, how many at a time, when to pause, when to give up.
struct RangedFetchState {
  /// A blob's silent spans are cut so often without a byte gained in between; then the stall timeout decides.
  private static let fruitlessCuts = 2
  /// Bytes per second of all connections, of a source so near that two are enough: they keep hash and disk busy, and
  /// each more takes time from these.
  private static let fastRate: Double = 250_000_000
  private static let fastConnections = 2
  /// What two must bring of the rate of all.
  private static let asFast = 0.6
  /// Bytes that are asked for at once from such a source: requests take time too.
  private static let fastSpan: Int64 = 32 * 1024 * 1024
  /// Bytes: of a shorter span the rate says nothing.
  private static let telling = 4 * 1024 * 1024

  let limits: TransferLimits
  let retryPolicy: RetryPolicy
  var active: [ActiveSpan] = []
  var isPaused = false
  /// Connections that the source seems to bear.
  private var allowed: Int
  /// The source is so near that two connections are enough.
  private(set) var isFast = false
  /// Two connections have turned out to be slower.
  private var needsAll = false
  /// Bytes per second when there were as many connections as allowed.
  private var rateOfAll: Double = 0
  private var failures = 0
  private var cuts = 0
  private var receivedAtFailure: Int64
  private var receivedAtCut: Int64
  private var hasTicker = false
  private var tickBegan = ContinuousClock.now
  private var receivedAtTick: Int64 = 0

  /// Connections that there should be now.
  private var wanted: Int { isFast ? min(allowed, Self.fastConnections) : allowed }

  init(limits: TransferLimits, retryPolicy: RetryPolicy, received: Int64) {
    self.limits = limits
    self.retryPolicy = retryPolicy
    allowed = max(1, limits.connectionsPerBlob)
    receivedAtFailure = received
    receivedAtCut = received
  }

  /// The span for one more connection; nil when there should be none now.
  func next(_ chunks: ChunkedBlob, _ support: RangeSupport.Kind) -> Range<Int64>? {
    guard !isPaused else { return nil }
    let missing = chunks.missing
    switch support {
    case .ranges:
      return plan(missing, chunks).next(free: wanted - active.count, longest: isFast ? Self.fastSpan : 0)
    case .unknown:
      return active.isEmpty ? missing.first : nil
    case .wholeOnly:
      guard active.isEmpty, let first = missing.first else { return nil }
      return first.lowerBound..<chunks.layout.size
    }
  }

  /// Whether somebody should look in a while how the connections get on: there are some to spare and no work for them, or
  /// two have to do.
  mutating func wantsTick(received: Int64, now: ContinuousClock.Instant = .now) -> Bool {
    if received > receivedAtCut { cuts = 0 }
    guard !hasTicker, !isPaused, !active.isEmpty, isFast || active.count < wanted else { return false }
    hasTicker = isFast || cuts < Self.fruitlessCuts
    (tickBegan, receivedAtTick) = (now, received)
    return hasTicker
  }

  mutating func tick(received: Int64, now: ContinuousClock.Instant = .now) {
    hasTicker = false
    guard isFast else { return cutSlowest(received: received, now: now) }
    // Nothing is cut: there is work for all.
    let seconds = (now - tickBegan) / .seconds(1)
    if Double(received - receivedAtTick) < Self.fastRate * seconds { useAll() }
  }

  private mutating func cutSlowest(received: Int64, now: ContinuousClock.Instant) {
    guard active.count < wanted, cuts < Self.fruitlessCuts,
      let slowest = ActiveSpan.slowest(active, slowAfter: limits.slowAfter, now: now)
    else { return }
    cuts += 1
    receivedAtCut = received
    slowest.cut()
  }

  /// - Parameter received: bytes of the blob that are there.
  mutating func succeeded(_ span: ActiveSpan, received: Int64, now: ContinuousClock.Instant = .now) {
    allowed = min(allowed + 1, max(1, limits.connectionsPerBlob))
    // One that began under the other rule tells of both.
    guard span.received >= Self.telling, span.isOfTwo == isFast else { return }
    let rate = Double(received - span.receivedBefore) / span.seconds(now: now)
    if isFast {
      if rate < max(Self.fastRate, Self.asFast * rateOfAll) { useAll() }
    } else if rate >= Self.fastRate, !needsAll {
      (isFast, rateOfAll) = (true, rate)
    }
  }

  private mutating func useAll() { (isFast, needsAll) = (false, true) }

  /// How long to wait before more is asked for; nil when a pause goes on already or none is needed. Throws `error` when
  /// it is of no use to go on.
  mutating func pause(after error: any Error, isCut: Bool, received: Int64) throws -> Duration? {
    if isCut, !(error is StoreError) { return nil }
    guard let error = error as? RegistryError else { throw error }
    // Connections that break together are one failure.
    if isPaused, error.isRetryable { return nil }
    failures = received > receivedAtFailure ? 1 : failures + 1
    receivedAtFailure = received
    guard let pause = retryPolicy.delay(afterFailures: failures, error: error) else { throw error }
    switch error.code {
    case .rateLimited, .unavailable, .connection: allowed = max(1, allowed / 2)
    default: break
    }
    isPaused = true
    return pause
  }

  private func plan(_ missing: [Range<Int64>], _ chunks: ChunkedBlob) -> SpanPlan {
    SpanPlan(chunkSize: chunks.layout.chunkSize, missing: missing, active: active.map(\.range))
  }
}
