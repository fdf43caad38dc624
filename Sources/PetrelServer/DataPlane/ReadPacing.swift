// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Decides how long to let a stream's events gather before they are read and passed on together. Pure.
///
/// Each event that is passed on by itself wakes up two programs, which on a busy machine takes time from the engine. A
/// stream that is slow enough for people to follow is never held up; a fast one is by a few events, or 8 ms at the most.
/// Waits end on a common grid, so that streams of one speed, as an engine's slots are, wake everybody up together.
struct ReadPacing {
  /// Streams with longer gaps between events are passed on as they come.
  private static let longestGap = TimeAmount.milliseconds(4)
  private static let eventsGathered: Int64 = 8
  private static let longestWait = TimeAmount.milliseconds(8)

  private var lastRead: NIODeadline?

  /// - Parameter events: how many came with this read.
  /// - Returns: how long to wait before the next one; nil for not at all.
  mutating func wait(afterReading events: Int, at now: NIODeadline) -> TimeAmount? {
    defer { lastRead = now }
    guard let lastRead else { return nil }
    let gap = (now - lastRead).nanoseconds / Int64(max(1, events))
    guard gap < Self.longestGap.nanoseconds else { return nil }
    let longest = UInt64(min(gap * Self.eventsGathered, Self.longestWait.nanoseconds))
    guard longest > 0 else { return nil }
    // The largest power of two that fits: streams whose speeds differ a little share it.
    let grid = UInt64(1) << (63 - longest.leadingZeroBitCount)
    let end = (now.uptimeNanoseconds + longest) / grid * grid
    return end > now.uptimeNanoseconds ? .nanoseconds(Int64(end - now.uptimeNanoseconds)) : nil
  }
}
