// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry
import PetrelStore

/// What a ``RangedFetch`` has to decide: which span comes next, how many at a time, when to pause, when to give up.
struct RangedFetchState {
  /// A blob's silent spans are cut so often without a byte gained in between; then the stall timeout decides.
  private static let fruitlessCuts = 2

  let limits: TransferLimits
  let retryPolicy: RetryPolicy
  var active: [ActiveSpan] = []
  var isPaused = false
  /// Connections that the source seems to bear.
  private var allowed: Int
  private var failures = 0
  private var cuts = 0
  private var receivedAtFailure: Int64
  private var receivedAtCut: Int64
  private var hasTicker = false

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
      return plan(missing, chunks).next(free: allowed - active.count)
    case .unknown:
      return active.isEmpty ? missing.first : nil
    case .wholeOnly:
      guard active.isEmpty, let first = missing.first else { return nil }
      return first.lowerBound..<chunks.layout.size
    }
  }

  /// Whether somebody should look for slow connections in a while: there are connections to spare and no work for them.
  mutating func wantsTick(received: Int64) -> Bool {
    if received > receivedAtCut { cuts = 0 }
    guard !hasTicker, !isPaused, !active.isEmpty, active.count < allowed else { return false }
    hasTicker = cuts < Self.fruitlessCuts
    return hasTicker
  }

  mutating func cutSlowest(received: Int64) {
    hasTicker = false
    guard active.count < allowed, cuts < Self.fruitlessCuts,
      let slowest = ActiveSpan.slowest(active, slowAfter: limits.slowAfter)
    else { return }
    cuts += 1
    receivedAtCut = received
    slowest.cut()
  }

  mutating func succeeded() { allowed = min(allowed + 1, max(1, limits.connectionsPerBlob)) }

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
