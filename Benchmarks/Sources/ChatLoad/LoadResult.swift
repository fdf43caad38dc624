// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// All answers of a run together.
struct LoadResult {
  let answers: [StreamedAnswer]
  /// When the first request was sent.
  let start: NIODeadline
  /// When the last answer was complete.
  let end: NIODeadline

  /// One line: tokens, bytes, seconds, and the median of the seconds to the first byte.
  var json: String {
    let tokens = answers.reduce(0) { $0 + $1.tokens }
    let bytes = answers.reduce(0) { $0 + $1.bytes }
    let waits = answers.map { Self.seconds($0.firstByte - start) }.sorted()
    return "{\"tokens\":\(tokens),\"bytes\":\(bytes),\"seconds\":\(Self.seconds(end - start)),"
      + "\"first_byte_seconds\":\(waits[waits.count / 2])}"
  }

  private static func seconds(_ time: TimeAmount) -> Double { Double(time.nanoseconds) / 1e9 }
}
