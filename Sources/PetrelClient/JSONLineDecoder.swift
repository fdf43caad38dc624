// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decodes a stream of one JSON object a line, in pieces of any size. Empty lines are skipped.
struct JSONLineDecoder<Line: Decodable> {
  private static var maximumLineBytes: Int { 1 << 20 }

  private var line: [UInt8] = []

  mutating func decode(_ bytes: some Sequence<UInt8>) throws(ClientError) -> [Line] {
    var lines: [Line] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if let decoded = try finish() { lines.append(decoded) }
      } else {
        guard line.count < Self.maximumLineBytes else {
          throw ClientError(.unexpectedAnswer, "the daemon sent a line of more than \(Self.maximumLineBytes) bytes")
        }
        line.append(byte)
      }
    }
    return lines
  }

  /// The line that the end of the stream left without a newline.
  mutating func finish() throws(ClientError) -> Line? {
    defer { line.removeAll(keepingCapacity: true) }
    guard !line.isEmpty else { return nil }
    do {
      return try JSONDecoder().decode(Line.self, from: Data(line))
    } catch {
      throw ClientError(.unexpectedAnswer, "unexpected answer from the daemon: \(ErrorBody.excerpt(of: line))")
    }
  }
}
