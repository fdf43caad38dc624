// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOSSL
import PetrelOCI
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How far a request may go.
enum Reach: Sendable, Hashable {
  case anywhere
  /// Only to addresses that are not loopback, link-local or private.
  case publicNetworks
}

/// The connections to registries. Each proxy has an HTTP client of its own, and so have requests with a limited reach.
///
/// The limit is enforced where it cannot be got round: a new connection is looked at when its address is known, and
/// closed before a request goes over it.
package final class RegistryConnections: Sendable {
  private struct Route: Hashable {
    let proxy: ProxyServer?
    let reach: Reach
  }

  private struct State {
    var clients: [Route: HTTPClient] = [:]
    var isClosed = false
  }

  private let group: any EventLoopGroup
  private let proxies: ProxySettings
  private let trust: CertificateTrust
  private let common: TLSConfiguration?
  /// Used for everything, if there is one.
  private let shared: HTTPClient?
  private let state = Mutex(State())
  private let blocks = BodyBlocks()
  private let network: @Sendable (SocketAddress?) -> PeerNetwork
  /// Addresses of hosts, by name, that are not looked up.
  private let knownHosts: [String: String]

  /// The caller ends it with ``shutdown()``.
  ///
  /// - Throws: ``RegistryError`` `invalidCertificates`.
  package convenience init(
    group: any EventLoopGroup, proxies: ProxySettings = ProxySettings(), trust: CertificateTrust = CertificateTrust()
  ) throws {
    try self.init(group: group, proxies: proxies, trust: trust, network: PeerNetwork.of)
  }

  /// - Parameters:
  ///   - knownHosts: addresses of hosts, by name, that are not looked up.
  ///   - network: to what network an address belongs.
  init(
    group: any EventLoopGroup, proxies: ProxySettings = ProxySettings(), trust: CertificateTrust = CertificateTrust(),
    knownHosts: [String: String] = [:], network: @escaping @Sendable (SocketAddress?) -> PeerNetwork
  ) throws {
    self.network = network
    self.knownHosts = knownHosts
    self.group = group
    self.proxies = proxies
    self.trust = trust
    common = try trust.common()
    shared = nil
  }

  /// One client of the caller's for all requests: no proxies, no certificates, and its reach is its own.
  package init(client: HTTPClient) {
    group = client.eventLoopGroup
    proxies = ProxySettings()
    trust = CertificateTrust()
    common = nil
    shared = client
    network = PeerNetwork.of
    knownHosts = [:]
  }

  package func shutdown() async {
    let clients = state.withLock { state in
      state.isClosed = true
      defer { state.clients = [:] }
      return Array(state.clients.values)
    }
    for client in clients { try? await client.shutdown() }
  }

  func isProxied(_ url: URL) -> Bool { proxies.proxy(for: url) != nil }

  /// The client for a request, and what it must know of TLS besides.
  func client(for url: URL, reach: Reach) throws(RegistryError) -> (HTTPClient, TLSConfiguration?) {
    if let shared { return (shared, nil) }
    let isTLS = url.scheme?.lowercased() == "https"
    let tls = isTLS ? try trust.configuration(for: Self.authority(of: url)) : nil
    let proxy = proxies.proxy(for: url)
    guard proxy?.kind != .unusable else {
      throw RegistryError(
        .proxyRefused,
        "the proxy that is configured for \(quoted(url.host ?? "")) cannot be used; it must be "
          + "http://[user:password@]host:port or socks5://host:port")
    }
    // What a proxy connects to is the proxy's business; its own address may be private.
    let route = Route(proxy: proxy, reach: proxy == nil ? reach : .anywhere)
    let client = state.withLock { state -> HTTPClient? in
      if let known = state.clients[route] { return known }
      guard !state.isClosed else { return nil }
      let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration(route))
      state.clients[route] = client
      return client
    }
    guard let client else { throw RegistryError(.connection, "the connections to registries are closed") }
    return (client, tls)
  }

  private func configuration(_ route: Route) -> HTTPClient.Configuration {
    var configuration = RegistryClient.configuration(blocks, network: network)
    configuration.tlsConfiguration = common
    configuration.dnsOverride = knownHosts
    if let proxy = route.proxy {
      switch (proxy.kind, proxy.user) {
      case (.socks, _): configuration.proxy = .socksServer(host: proxy.host, port: proxy.port)
      case (.unusable, _): break
      case (.http, nil): configuration.proxy = .server(host: proxy.host, port: proxy.port)
      case (.http, let user?):
        configuration.proxy = .server(
          host: proxy.host, port: proxy.port,
          authorization: .basic(username: user, password: proxy.password ?? ""))
      }
    }
    if route.reach == .publicNetworks {
      let prepare = configuration.http1_1ConnectionDebugInitializer
      configuration.http1_1ConnectionDebugInitializer = { [network] channel in
        guard network(channel.remoteAddress) == .privateNetwork else {
          return prepare?(channel) ?? channel.eventLoop.makeSucceededVoidFuture()
        }
        // After the client has learned of the failure: it forgets the connection then.
        channel.eventLoop.execute { channel.close(promise: nil) }
        return channel.eventLoop.makeFailedFuture(Self.refusal)
      }
    }
    return configuration
  }

  /// Why nothing may be sent over a connection that leads into a private network.
  private static let refusal = RegistryError(
    .refusedRedirect,
    "a registry on the internet leads to an address in a private network; refused (\(NetworkGuard.advice))")

  private static func authority(of url: URL) -> String {
    let host = NetworkScope.normalized(url.host ?? "")
    let bracketed = host.contains(":") ? "[\(host)]" : host
    return url.port.map { "\(bracketed):\($0)" } ?? bracketed
  }
}
