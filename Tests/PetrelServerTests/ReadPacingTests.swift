// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import PetrelServer

struct ReadPacingTests {
  private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  /// What is decided for the second of two reads, `gap` apart.
  private func wait(gap: TimeAmount, events: Int) -> TimeAmount? {
    var pacing = ReadPacing()
    #expect(pacing.wait(afterReading: 1, at: Self.start) == nil)
    return pacing.wait(afterReading: events, at: Self.start + gap)
  }

  @Test func aStreamThatPeopleFollowIsNotHeldUp() {
    #expect(wait(gap: .milliseconds(4), events: 1) == nil)
    #expect(wait(gap: .milliseconds(50), events: 1) == nil)
  }

  @Test func aFastStreamWaitsForSomeEvents() throws {
    let held = try #require(wait(gap: .microseconds(100), events: 1))
    #expect(held > .microseconds(100) && held < .milliseconds(8))
  }

  @Test func manyEventsInOneReadAreAFastStream() {
    #expect(wait(gap: .milliseconds(20), events: 100) != nil)
  }

  @Test func noWaitIsLong() throws {
    let held = try #require(wait(gap: .microseconds(3_900), events: 1))
    #expect(held > .zero && held <= .milliseconds(8))
  }

  @Test func streamsOfOneSpeedAreReadTogether() throws {
    func end(readAt offset: TimeAmount) throws -> NIODeadline {
      var pacing = ReadPacing()
      _ = pacing.wait(afterReading: 1, at: Self.start + offset - .milliseconds(1))
      let wait = pacing.wait(afterReading: 1, at: Self.start + offset)
      return Self.start + offset + (try #require(wait))
    }
    let ends = try (0..<8).map { try end(readAt: .microseconds(200 * $0)) }
    #expect(Set(ends).count <= 2)
  }
}
