// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Which requests go through which proxy.
package struct ProxySettings: Sendable, Hashable {
  /// For `http` URLs.
  package var http: ProxyServer?
  /// For `https` URLs.
  package var https: ProxyServer?
  /// Hosts that are spoken to directly.
  package var exceptions: [ProxyException]

  package init(http: ProxyServer? = nil, https: ProxyServer? = nil, exceptions: [ProxyException] = []) {
    self.http = http
    self.https = https
    self.exceptions = exceptions
  }

  /// The proxy for `url`; nil: none. This machine is always spoken to directly, as Go and so Docker do it.
  func proxy(for url: URL) -> ProxyServer? {
    let isTLS = url.scheme?.lowercased() == "https"
    guard let proxy = isTLS ? https : http, let host = url.host else { return nil }
    let name = NetworkScope.normalized(host)
    guard !NetworkScope.isLoopback(name) else { return nil }
    let port = url.port ?? (isTLS ? 443 : 80)
    return exceptions.contains { $0.covers(name, port: port) } ? nil : proxy
  }
}
