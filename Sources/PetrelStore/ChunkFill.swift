// SPDX-License-Identifier: Apache-2.0

/// Which bytes of an unfinished chunk are there.
struct ChunkFill {
  /// The chunk's place in the blob.
  let range: Range<Int64>
  /// Disjoint, in order, and not adjacent.
  private(set) var spans: [Range<Int64>] = []
  private var checksum = ChunkChecksum()
  /// The checksum is of the bytes from the chunk's start up to here.
  private var summedEnd: Int64

  init(_ range: Range<Int64>) {
    self.range = range
    summedEnd = range.lowerBound
  }

  var isComplete: Bool { spans == [range] }

  /// The checksum of the whole chunk; nil when its bytes did not come in order, so that they have to be read again.
  var finalChecksum: UInt64? { summedEnd == range.upperBound ? checksum.value : nil }

  /// Ranges that are missing, in order.
  var gaps: [Range<Int64>] {
    var gaps: [Range<Int64>] = []
    var end = range.lowerBound
    for span in spans {
      if span.lowerBound > end { gaps.append(end..<span.lowerBound) }
      end = span.upperBound
    }
    if end < range.upperBound { gaps.append(end..<range.upperBound) }
    return gaps
  }

  /// Takes note of bytes of a gap that have come.
  ///
  /// - Parameter bytes: nil when they are not at hand.
  mutating func insert(_ added: Range<Int64>, bytes: UnsafeRawBufferPointer?) {
    if let bytes, added.lowerBound == summedEnd {
      checksum.update(bytes)
      summedEnd = added.upperBound
    }
    let touching = spans.filter { $0.lowerBound <= added.upperBound && $0.upperBound >= added.lowerBound }
    let start = min(added.lowerBound, touching.first?.lowerBound ?? added.lowerBound)
    let end = max(added.upperBound, touching.last?.upperBound ?? added.upperBound)
    spans.removeAll { touching.contains($0) }
    spans.insert(start..<end, at: spans.firstIndex { $0.lowerBound > start } ?? spans.count)
  }

  /// Bytes of `part` that are there.
  func count(in part: Range<Int64>) -> Int { spans.reduce(0) { $0 + $1.clamped(to: part).count } }
}
