// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A proxy that requests go through.
package struct ProxyServer: Sendable, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// `CONNECT` of HTTP, for `http` and `https` targets alike.
    case http
    /// SOCKS 5, without authentication.
    case socks
    /// One that is configured but cannot be used: requests that should go through it fail, they do not go round it.
    case unusable
  }

  package let kind: Kind
  package let host: String
  package let port: Int
  /// Both or neither.
  package let user: String?
  package let password: String?

  /// `proxy.lan:3128`, `http://user:password@proxy.lan:3128`, `socks5://proxy.lan`. Nil when `text` is not such a URL.
  package init?(parsing text: String) {
    guard let url = URL(string: text.contains("://") ? text : "http://" + text), let host = url.host, !host.isEmpty,
      url.path.isEmpty || url.path == "/", url.query == nil
    else { return nil }
    switch url.scheme?.lowercased() {
    case "http": kind = .http
    case "socks5", "socks5h": kind = .socks
    default: return nil
    }
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    port = url.port ?? (kind == .http ? 80 : 1080)
    if let user = url.user(percentEncoded: false), !user.isEmpty {
      guard kind == .http else { return nil }
      self.user = user
      password = url.password(percentEncoded: false) ?? ""
    } else {
      (user, password) = (nil, nil)
    }
  }

  package static let unusable = ProxyServer()

  private init() {
    kind = .unusable
    host = ""
    port = 0
    (user, password) = (nil, nil)
  }

  /// Without the password.
  package var description: String {
    let scheme = kind == .http ? "http" : "socks5"
    return "\(scheme)://\(user.map { $0 + "@" } ?? "")\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }
}
