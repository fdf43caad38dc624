// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The body of a failed request: plain text, or JSON in one of the usual shapes.
struct ErrorBody: Decodable {
  private struct Details: Decodable { var message: String? }

  let message: String?

  private enum Keys: CodingKey { case error, message }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    let nested = try? container.decode(Details.self, forKey: .error).message
    message =
      nested ?? (try? container.decode(String.self, forKey: .error))
      ?? (try? container.decode(String.self, forKey: .message))
  }

  /// Nil when the body says nothing.
  static func message(in bytes: some Collection<UInt8>) -> String? {
    if bytes.first == UInt8(ascii: "{"),
      let message = try? JSONDecoder().decode(ErrorBody.self, from: Data(bytes)).message, !message.isEmpty
    {
      return message
    }
    let text = excerpt(of: bytes)
    return text.isEmpty ? nil : text
  }

  /// Whether the body of a 404 is one that servers give for paths they don't know, whatever they serve.
  static func isOfAnyServer(_ bytes: some Collection<UInt8>) -> Bool {
    let text = excerpt(of: bytes).lowercased()
    return text.isEmpty || ["404 page not found", "404 not found", "404: not found"].contains(text)
      || ["<", "{\"errors\"", "{\"detail\""].contains { text.hasPrefix($0) }
  }

  /// At most 4096 bytes of text, without blanks around it.
  static func excerpt(of bytes: some Collection<UInt8>) -> String {
    var text = Substring(String(decoding: bytes.prefix(4096), as: UTF8.self))
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text + (bytes.count > 4096 ? "\n...[truncated]" : "")
  }
}
