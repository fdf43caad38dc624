// SPDX-License-Identifier: Apache-2.0

/// Where a daemon listens.
package struct DaemonEndpoint: Hashable, Sendable, CustomStringConvertible {
  package enum Transport: Hashable, Sendable {
    /// Scheme, host and port: `http://127.0.0.1:12434`.
    case tcp(origin: String)
    /// Absolute path of a Unix socket.
    case unixSocket(String)
  }

  package let transport: Transport
  /// Comes before every request's path: empty or `/prefix`, without a slash at the end.
  package let pathPrefix: String

  private init(transport: Transport, pathPrefix: String = "") {
    self.transport = transport
    self.pathPrefix = pathPrefix
  }

  package init(socketPath: String) { self.init(transport: .unixSocket(socketPath)) }

  package init(loopbackPort port: Int) { self.init(transport: .tcp(origin: "http://127.0.0.1:\(port)")) }

  /// Reads `http://host:port/prefix`, `https://…`, `host:port` or `unix:///path/to.sock`.
  ///
  /// - Parameter defaultScheme: `http` or `https`, used when the text has none.
  package init(parsing text: String, defaultScheme: String = "http") throws(ClientError) {
    func refuse(_ reason: String) -> ClientError {
      ClientError(.invalidHost, "invalid daemon address \"\(text)\": \(reason), e.g. http://192.168.1.100:12434")
    }
    guard !text.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F }) else {
      throw refuse("it contains blanks or control characters")
    }
    let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    let scheme = parts.count == 2 ? parts[0].lowercased() : defaultScheme
    let rest = parts.count == 2 ? parts[1] : text[...]
    if scheme == "unix" {
      guard rest.hasPrefix("/"), rest.count > 1 else { throw refuse("unix:// needs an absolute path") }
      self.init(socketPath: String(rest))
      return
    }
    guard scheme == "http" || scheme == "https" else {
      throw refuse("unsupported scheme \"\(scheme)\" (must be http, https or unix)")
    }
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard !authority.isEmpty, authority.first != ":" else { throw refuse("it names no host") }
    guard !authority.contains("@") else { throw refuse("user names and passwords are not supported") }
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      let port = authority[authority.index(after: colon)...]
      guard let number = Int(port), (1...65535).contains(number) else {
        throw refuse("\"\(port)\" is not a port from 1 to 65535")
      }
    }
    var prefix = rest[authority.endIndex...].prefix { $0 != "?" && $0 != "#" }
    while prefix.hasSuffix("/") { prefix.removeLast() }
    self.init(transport: .tcp(origin: "\(scheme)://\(authority)"), pathPrefix: String(prefix))
  }

  /// Whether it is on this machine as far as its name tells.
  package var isLocal: Bool {
    switch transport {
    case .unixSocket: true
    case .tcp(let origin):
      ["localhost", "127.", "[::1]"].contains { origin.dropFirst(origin.hasPrefix("https") ? 8 : 7).hasPrefix($0) }
    }
  }

  /// As people write it: the base URL, or `unix://` and the path.
  package var description: String {
    switch transport {
    case .tcp(let origin): origin + pathPrefix
    case .unixSocket(let path): "unix://" + path
    }
  }

  /// A URL in AsyncHTTPClient's form, where the path of a socket stands in for the host.
  ///
  /// - Parameters:
  ///   - path: starts with a slash; what needs escaping is escaped already.
  ///   - query: escaped here.
  package func url(path: String, query: [(name: String, value: String)] = []) -> String {
    let base =
      switch transport {
      case .tcp(let origin): origin
      case .unixSocket(let socket): "http+unix://" + PercentEncoding.encode(socket, keeping: "")
      }
    let pairs = query.map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }
    return base + pathPrefix + path + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
  }
}

/// RFC 3986, section 2.
package enum PercentEncoding {
  private static let hexDigits = Array("0123456789ABCDEF")

  /// - Parameter keeping: reserved characters that have no special meaning at that place.
  package static func encode(_ text: String, keeping: String = "") -> String {
    var result = ""
    for byte in text.utf8 {
      let character = Character(Unicode.Scalar(byte))
      if byte < 0x80,
        character.isLetter || character.isNumber || "-._~".contains(character) || keeping.contains(character)
      {
        result.append(character)
      } else {
        result += ["%", hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 0xF)]]
      }
    }
    return result
  }
}
