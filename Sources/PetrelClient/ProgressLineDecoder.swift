// SPDX-License-Identifier: Apache-2.0

import PetrelAPI

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decodes a progress stream: one JSON object per line, in pieces of any size.
///
/// Docker Model Runner escapes the lines as HTML unless it is asked for JSON in just the right words; both are read.
package struct ProgressLineDecoder: Sendable {
  private static let maximumLineBytes = 1 << 20
  private static let maximumStrayBytes = 4096

  private var line: [UInt8] = []
  /// Text between the lines, such as an error page of a proxy.
  package private(set) var strayText = ""

  package init() {}

  package mutating func decode(_ bytes: some Sequence<UInt8>) throws(ClientError) -> [ProgressLine] {
    var lines: [ProgressLine] = []
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if let decoded = endLine() { lines.append(decoded) }
      } else {
        guard line.count < Self.maximumLineBytes else {
          throw ClientError(
            .unexpectedAnswer, "the daemon sent a progress line of more than \(Self.maximumLineBytes) bytes")
        }
        line.append(byte)
      }
    }
    return lines
  }

  /// The line that the end of the stream left without a newline.
  package mutating func finish() -> ProgressLine? { endLine() }

  private mutating func endLine() -> ProgressLine? {
    defer { line.removeAll(keepingCapacity: true) }
    let decoder = JSONDecoder()
    if let decoded = try? decoder.decode(ProgressLine.self, from: Data(line)) { return decoded }
    let text = String(decoding: line, as: UTF8.self)
    let unescaped = Self.unescapeHTML(text)
    if let decoded = try? decoder.decode(ProgressLine.self, from: Data(unescaped.utf8)) { return decoded }
    if !text.allSatisfy(\.isWhitespace) {
      strayText += (strayText.isEmpty ? "" : "\n") + text
      if strayText.utf8.count > Self.maximumStrayBytes {
        strayText = String(decoding: strayText.utf8.prefix(Self.maximumStrayBytes), as: UTF8.self)
      }
    }
    return nil
  }

  /// The five escapes of Go's `html.EscapeString`.
  static func unescapeHTML(_ text: String) -> String {
    var result = text
    for (escape, plain) in [("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")] {
      result = result.replacing(escape, with: plain)
    }
    return result
  }
}
