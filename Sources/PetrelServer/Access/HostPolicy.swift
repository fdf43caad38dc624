// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Which names the daemon answers to.
///
/// A web page can have its own name resolve to this machine (DNS rebinding), and then it counts as the daemon's own
/// page. But its name stays in the `Host` header.
package struct HostPolicy: Sendable {
  /// This machine as browsers, and containers on it, know it.
  private static let builtIn = [
    "localhost", "model-runner.docker.internal", "host.docker.internal", "gateway.docker.internal",
    "docker-model-runner", "host.containers.internal", "host.lima.internal",
  ]

  private let names: Set<String>
  /// Without the star: `.example.com`.
  private let suffixes: [String]
  private let addresses: Set<IPAddress>
  private let takesAnyAddress: Bool
  private let takesAll: Bool

  /// - Parameters:
  ///   - listeners: names and addresses that the daemon was told to listen on. With an unspecified address among them
  ///     it answers to all addresses: they can't be rebound.
  ///   - allowed: further names and addresses, `*.example.com` for all names below one, `*` for all.
  package init(listeners: [String], allowed: [String] = []) {
    var names = Set(Self.builtIn)
    var suffixes = [".localhost"]
    var addresses: Set<IPAddress> = []
    for text in listeners + allowed {
      let name = Self.normalized(text)
      if let address = IPAddress(name) {
        addresses.insert(address)
      } else if name.hasPrefix("*.") {
        suffixes.append(String(name.dropFirst()))
      } else {
        names.insert(name)
      }
    }
    self.names = names
    self.suffixes = suffixes
    self.addresses = addresses
    takesAnyAddress = addresses.contains(where: \.isUnspecified)
    takesAll = allowed.contains("*")
  }

  /// - Parameter host: the value of a `Host` header: a name or an address, perhaps with a port.
  func allows(_ host: String) -> Bool {
    if takesAll { return true }
    guard let name = Self.withoutPort(host) else { return false }
    if names.contains(name) { return true }
    let normalized = Self.normalized(name)
    if names.contains(normalized) { return true }
    if let address = IPAddress(normalized) {
      return address.isLoopback || takesAnyAddress || addresses.contains(address)
    }
    return suffixes.contains { normalized.hasSuffix($0) && normalized.utf8.count > $0.utf8.count }
  }

  /// Nil when what follows the host is no port.
  private static func withoutPort(_ host: String) -> String? {
    guard let colon = host.utf8.lastIndex(of: UInt8(ascii: ":")) else { return host }
    if host.utf8.last == UInt8(ascii: "]") { return host }
    let port = host[host.utf8.index(after: colon)...]
    guard port.utf8.count <= 5, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return String(host[..<colon])
  }

  /// Lower-case, without the brackets of IPv6 addresses and the dot that ends a full name.
  private static func normalized(_ host: String) -> String {
    var name = host.lowercased()
    if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
    if name.hasSuffix(".") { name.removeLast() }
    return name
  }
}
