// SPDX-License-Identifier: Apache-2.0

import PetrelRegistry
import Testing

@testable import PetrelLibrary

@Suite struct SpanPlanTests {
  private static let mebi: Int64 = 1024 * 1024
  private static let chunk = 8 * mebi

  private func next(
    _ missing: [Range<Int64>], _ active: [Range<Int64>] = [], free: Int = 4, longest: Int64 = 0
  ) -> Range<Int64>? {
    SpanPlan(chunkSize: Self.chunk, missing: missing, active: active).next(free: free, longest: longest)
  }

  @Test func chunksAreHandedOutInOrder() {
    let missing = [0..<Self.chunk, Self.chunk..<2 * Self.chunk]
    #expect(next(missing) == missing[0])
    #expect(next(missing, [missing[0]]) == missing[1])
    // What the first has brought already is not missing any more, but its connection still works on the rest.
    #expect(next([5..<Self.chunk, missing[1]], [missing[0]]) == missing[1])
    #expect(next(missing, missing) == nil)
    #expect(next(missing, free: 0) == nil)
  }

  @Test func chunksThatFollowEachOtherCanBeAskedForAtOnce() {
    let missing = (0..<5).map { Self.chunk * $0..<Self.chunk * ($0 + 1) }
    #expect(next(missing, longest: 4 * Self.chunk) == 0..<4 * Self.chunk)
    #expect(next(missing, longest: 4 * Self.chunk - 1) == 0..<3 * Self.chunk)
    #expect(next(missing, [missing[1]], longest: 4 * Self.chunk) == missing[0])
    #expect(next(missing, [missing[0]], longest: 4 * Self.chunk) == Self.chunk..<5 * Self.chunk)
    #expect(next([5..<Self.chunk, missing[1], missing[3]], free: 1, longest: 4 * Self.chunk) == 5..<2 * Self.chunk)
  }

  @Test func theRestOfAChunkIsDividedWhenThereIsNoOtherWork() {
    let rest = 2 * Self.mebi..<8 * Self.mebi
    let first = next([rest])
    #expect(first == 2 * Self.mebi..<5 * Self.mebi)
    #expect(next([rest], [first ?? rest], free: 1) == 5 * Self.mebi..<8 * Self.mebi)
    #expect(next([rest], free: 1) == rest)
    let small = 7 * Self.mebi..<8 * Self.mebi
    #expect(next([small]) == small)
    // A whole chunk is not: its connection is as good as any.
    #expect(next([0..<Self.chunk]) == 0..<Self.chunk)
  }

  @Test func aPartBetweenTwoConnectionsIsFound() {
    #expect(next([0..<Self.chunk], [0..<100, 200..<Self.chunk], free: 1) == 100..<200)
  }

  // MARK: Slow connections

  private static let start = ContinuousClock.now

  private func span(_ received: Int, after seconds: Int) -> ActiveSpan {
    let span = ActiveSpan(0..<Self.chunk, now: Self.start)
    span.add(received, now: Self.start + .seconds(seconds))
    return span
  }

  @Test func theSilentOneIsCut() {
    let silent = span(5_000_000, after: 1)
    let good = span(5_000_000, after: 9)
    let now = Self.start + .seconds(10)
    #expect(ActiveSpan.slowest([good, silent], slowAfter: .seconds(5), now: now) === silent)
    #expect(ActiveSpan.slowest([good], slowAfter: .seconds(5), now: now) == nil)
  }

  @Test func theOneThatHoldsUpAllOthersIsCut() {
    let slow = span(100_000, after: 10)
    let good = span(5_000_000, after: 10)
    let now = Self.start + .seconds(10)
    #expect(ActiveSpan.slowest([good, slow], slowAfter: .seconds(5), now: now) === slow)
    // All are slow: the link is, and another connection would not help.
    #expect(ActiveSpan.slowest([slow, span(120_000, after: 10)], slowAfter: .seconds(5), now: now) == nil)
  }

  // MARK: Ranges

  private func answer(_ isPartial: Bool, tag: String? = nil, origin: String = "o") -> RangeDownload {
    RangeDownload(range: 0..<1, isPartial: isPartial, tag: tag, origin: origin, chunks: AsyncThrowingStream { nil })
  }

  @Test func theFirstAnswerTellsWhetherThereAreRanges() throws {
    let without = RangeSupport()
    try without.check(answer(false))
    #expect(without.kind == .wholeOnly)
    let with = RangeSupport()
    try with.check(answer(true))
    // Once or twice is an accident, more is not.
    for _ in 0..<2 {
      #expect(throws: RegistryError.self) { try with.check(answer(false)) }
      #expect(with.kind == .ranges)
    }
    #expect(throws: RegistryError.self) { try with.check(answer(false)) }
    #expect(with.kind == .wholeOnly)
    try with.check(answer(false))
  }

  @Test func anotherTagIsNoticedOnce() throws {
    let support = RangeSupport()
    try support.check(answer(true, tag: "1"))
    try support.check(answer(true, tag: "9", origin: "another"))
    try support.check(answer(true))
    #expect(throws: RegistryError.self) { try support.check(answer(true, tag: "2")) }
    try support.check(answer(true, tag: "2"))
  }
}
