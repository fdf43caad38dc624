// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One block of a PEM file, `-----BEGIN <label>-----` to `-----END <label>-----`.
///
/// Source: RFC 7468. Text around the blocks is passed over, lines may have any length.
struct PEMBlock {
  /// A file of keys is never larger than this.
  static let maximumTextSize = 64 * 1024

  let label: String
  /// Nil when the text between the marks is not base64.
  let bytes: [UInt8]?
  /// Whether headers say that the content is encrypted, as RFC 1421 has it: `Proc-Type: 4,ENCRYPTED`.
  let hasEncryptionHeader: Bool

  /// The blocks of `text` in their order. One without an end is left out.
  static func blocks(in text: String) -> [PEMBlock] {
    var blocks: [PEMBlock] = []
    var label: String?
    var body: [Substring] = []
    for line in text.split(whereSeparator: \.isNewline) {
      if let begun = mark("BEGIN", line) {
        label = begun
        body = []
      } else if let ended = mark("END", line) {
        if ended == label { blocks.append(PEMBlock(label: ended, body: body)) }
        label = nil
      } else if label != nil {
        body.append(line)
      }
    }
    return blocks
  }

  private init(label: String, body: [Substring]) {
    self.label = label
    hasEncryptionHeader = body.contains { $0.hasPrefix("Proc-Type:") && $0.hasSuffix("ENCRYPTED") }
    let base64 = body.joined().filter { !$0.isWhitespace }
    bytes = Data(base64Encoded: base64).map(Array.init)
  }

  private static func mark(_ kind: String, _ line: Substring) -> String? {
    guard let match = line.wholeMatch(of: /\s*-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----\s*/), match.1 == kind else {
      return nil
    }
    return String(match.2)
  }
}
