// SPDX-License-Identifier: Apache-2.0

/// Which part of a blob the next connection asks for. Pure arithmetic on ranges of bytes.
struct SpanPlan {
  /// The rest of a range that was cut is divided among connections down to this size.
  static let smallestPart: Int64 = 1024 * 1024

  let chunkSize: Int64
  /// In order, none beyond the end of a chunk.
  let missing: [Range<Int64>]
  /// What connections are bringing now.
  let active: [Range<Int64>]

  /// What is missing and nobody brings, in order.
  var waiting: [Range<Int64>] {
    missing.flatMap { gap in
      active.reduce([gap]) { rests, taken in rests.flatMap { Self.subtract(taken, from: $0) } }
    }
  }

  /// The part for one of `free` connections. In order, so that hashing can follow close behind; only what is left of a
  /// chunk is divided, when there are more connections than parts.
  ///
  /// - Parameter longest: how many bytes may be asked for beyond the end of a chunk, when whole chunks follow.
  func next(free: Int, longest: Int64 = 0) -> Range<Int64>? {
    let waiting = waiting
    guard free > 0, var first = waiting.first else { return nil }
    for more in waiting.dropFirst() where more.lowerBound == first.upperBound {
      guard Int64(first.count + more.count) <= longest else { break }
      first = first.lowerBound..<more.upperBound
    }
    let isRest = first.lowerBound % chunkSize != 0
    guard isRest, waiting.count < free, Int64(first.count) >= 2 * Self.smallestPart else { return first }
    return first.lowerBound..<first.lowerBound + Int64(first.count / 2)
  }

  private static func subtract(_ taken: Range<Int64>, from gap: Range<Int64>) -> [Range<Int64>] {
    guard taken.overlaps(gap) else { return [gap] }
    let before = gap.lowerBound..<max(gap.lowerBound, taken.lowerBound)
    let after = min(gap.upperBound, taken.upperBound)..<gap.upperBound
    return [before, after].filter { !$0.isEmpty }
  }
}
