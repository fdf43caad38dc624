// SPDX-License-Identifier: Apache-2.0

/// An entry of the list of web origins that may use the daemon: `https://app.example:8080`, `http://localhost:*`,
/// `https://*.example.com`, or the literal `null`.
///
/// Source of what an origin looks like in a header: the HTML standard, "ASCII serialisation of an origin".
package struct OriginPattern: Hashable, Sendable {
  private enum Port: Hashable {
    case any
    /// As text, empty for the scheme's own.
    case exactly(Substring)
  }

  private let scheme: String
  /// With a leading dot it stands for all names that end so.
  private let host: String
  private let port: Port

  /// Nil when the text is no origin.
  package init?(_ text: String) {
    var text = text.lowercased()
    if text.hasSuffix("/") { text.removeLast() }
    if text == "null" {
      (scheme, host, port) = ("", "null", .exactly(""))
      return
    }
    guard let parts = Self.parts(text[...]), !parts.host.isEmpty, !parts.host.contains("/") else { return nil }
    scheme = String(parts.scheme)
    let isWild = parts.host.hasPrefix("*.")
    host = String(isWild ? parts.host.dropFirst() : parts.host)
    guard !host.dropFirst(isWild ? 1 : 0).contains("*") else { return nil }
    switch parts.port {
    case "*": port = .any
    case let number where number.isEmpty || UInt16(number) != nil: port = .exactly(Self.port(number, of: scheme))
    default: return nil
    }
  }

  /// - Parameter origin: the value of an `Origin` header, which browsers write in lower case.
  func matches(_ origin: String) -> Bool {
    if scheme.isEmpty { return origin == host }
    guard let parts = Self.parts(origin[...]), parts.scheme == scheme else { return false }
    guard parts.port.isEmpty || UInt16(parts.port) != nil else { return false }
    let isHost = host.hasPrefix(".") ? parts.host.hasSuffix(host) && parts.host != host : parts.host == host
    guard isHost else { return false }
    switch port {
    case .any: return true
    case .exactly(let number): return Self.port(parts.port, of: scheme) == number
    }
  }

  private static func parts(
    _ text: Substring
  ) -> (scheme: Substring, host: Substring, port: Substring)? {
    guard let mark = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<mark.lowerBound]
    let rest = text[mark.upperBound...]
    guard !scheme.isEmpty, !rest.contains(where: { $0 == "/" || $0 == "@" || $0 == "?" || $0 == "#" }) else {
      return nil
    }
    let afterAddress = rest.lastIndex(of: "]") ?? rest.startIndex
    guard let colon = rest[afterAddress...].lastIndex(of: ":") else { return (scheme, rest, "") }
    let port = rest[rest.index(after: colon)...]
    return port.isEmpty ? nil : (scheme, rest[..<colon], port)
  }

  /// Browsers leave out the port that belongs to the scheme.
  private static func port(_ port: Substring, of scheme: String) -> Substring {
    switch (scheme, port) {
    case ("http", "80"), ("https", "443"): ""
    default: port
    }
  }
}
