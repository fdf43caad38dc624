// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry
import Testing

@testable import PetrelLibrary

@Suite struct RangedFetchStateTests {
  private static let start = ContinuousClock.now
  private static let megabyte: Int64 = 1_000_000
  private static let chunk: Int64 = 8_000_000

  private var state = RangedFetchState(limits: TransferLimits(), retryPolicy: RetryPolicy(), received: 0)

  /// A span that brought a chunk in `seconds`, in which the whole blob gained `gained` bytes.
  private mutating func bring(gained: Int64, before: Int64 = 0, from: Double = 0, seconds: Double) {
    let begun = Self.start + .seconds(from)
    let span = ActiveSpan(0..<Self.chunk, receivedBefore: before, isOfTwo: state.isFast, now: begun)
    let end = begun + .seconds(seconds)
    span.add(Int(Self.chunk), now: end)
    state.succeeded(span, received: before + gained, now: end)
  }

  @Test mutating func twoConnectionsDoWhereTheSourceIsVeryFast() {
    bring(gained: 24 * Self.megabyte, seconds: 0.1)
    #expect(!state.isFast)
    bring(gained: 40 * Self.megabyte, seconds: 0.1)
    #expect(state.isFast)
    // Nearly as fast as before.
    bring(gained: 30 * Self.megabyte, before: 40 * Self.megabyte, from: 0.1, seconds: 0.1)
    #expect(state.isFast)
  }

  @Test mutating func spansThatBeganUnderTheOtherRuleSayNothing() {
    let old = ActiveSpan(0..<Self.chunk, now: Self.start)
    old.add(Int(Self.chunk))
    bring(gained: 40 * Self.megabyte, seconds: 0.1)
    state.succeeded(old, received: 20 * Self.megabyte, now: Self.start + .seconds(0.2))
    #expect(state.isFast)
  }

  @Test mutating func allConnectionsComeBackWhenTwoAreSlower() {
    bring(gained: 80 * Self.megabyte, seconds: 0.1)
    bring(gained: 40 * Self.megabyte, before: 80 * Self.megabyte, from: 0.1, seconds: 0.1)
    #expect(!state.isFast)
    // And stay.
    bring(gained: 80 * Self.megabyte, before: 120 * Self.megabyte, from: 0.2, seconds: 0.1)
    #expect(!state.isFast)
  }

  @Test mutating func aSourceThatBecomesSlowIsNoticedBeforeASpanEnds() {
    bring(gained: 40 * Self.megabyte, seconds: 0.1)
    state.active = [ActiveSpan(0..<Self.chunk, isOfTwo: true, now: Self.start + .seconds(0.1))]
    let began = Self.start + .seconds(1)
    let looks = state.wantsTick(received: 100 * Self.megabyte, now: began)
    #expect(looks)
    state.tick(received: 400 * Self.megabyte, now: began + .seconds(1))
    #expect(state.isFast)
    let looksAgain = state.wantsTick(received: 400 * Self.megabyte, now: began + .seconds(1))
    #expect(looksAgain)
    state.tick(received: 500 * Self.megabyte, now: began + .seconds(2))
    #expect(!state.isFast)
  }

  @Test mutating func noConnectionIsCutWhileTwoHaveToDo() {
    bring(gained: 40 * Self.megabyte, seconds: 0.1)
    let busy = ActiveSpan(0..<Self.chunk, isOfTwo: true, now: Self.start + .seconds(0.1))
    let fresh = ActiveSpan(Self.chunk..<2 * Self.chunk, isOfTwo: true, now: Self.start + .seconds(0.9))
    busy.add(4_000_000)
    state.active = [busy, fresh]
    let looks = state.wantsTick(received: 0, now: Self.start)
    #expect(looks)
    state.tick(received: 400 * Self.megabyte, now: Self.start + .seconds(1))
    #expect(!busy.isCut && !fresh.isCut)
  }
}
