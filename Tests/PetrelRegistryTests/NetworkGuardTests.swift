// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import PetrelTestSupport
import Testing

@testable import PetrelRegistry

@Suite struct NetworkGuardTests {
  /// Names that the tests resolve; nothing leaves this machine.
  private static let names = [
    "registry.example.com": ["93.184.216.34"], "auth.example.com": ["93.184.216.35", "2606:2800:220:1::1"],
    "rebind.example.com": ["93.184.216.36", "10.0.0.1"], "short": ["127.0.0.1"], "corp.example.com": ["10.1.2.3"],
    "gitlab.example.com": ["192.168.7.7"], "zoned.example.com": ["fe80::1%eth0"],
  ]

  private func networkGuard(_ allowed: Set<String> = []) -> NetworkGuard {
    NetworkGuard(allowedPrivateHosts: allowed, addresses: { Self.names[$0] ?? [] })
  }

  private func check(
    _ realm: String, registry: String = "registry.example.com", in network: PeerNetwork? = .publicNetwork,
    isInsecure: Bool = false, allowed: Set<String> = []
  ) async throws -> Reach {
    let url = try #require(URL(string: realm))
    let endpoint = RegistryEndpoint(registry: registry, isInsecure: isInsecure)
    return try await networkGuard(allowed).check(
      realm: url, for: endpoint, namedBy: PlaceNamer(host: endpoint.host, network: network))
  }

  @Test(arguments: [
    "https://localhost/token", "https://LOCALHOST./token", "https://a.localhost/t", "https://127.0.0.1:8080/token",
    "https://127.9.9.9/t", "https://[::1]/t", "https://[::ffff:10.0.0.1]/t", "https://[64:ff9b::a00:1]/t",
    "https://10.0.0.1/t", "https://172.16.0.1/t", "https://172.31.255.255/t", "https://192.168.1.1/t",
    "https://169.254.169.254/latest", "https://[fe80::1]/t", "https://[fd00::1]/t", "https://[::]/t",
    "https://0.0.0.0/t", "https://[::10.0.0.1]/t", "https://[2002:a00:1::]/t", "https://100.64.0.1/t",
    "https://host.docker.internal/t", "https://model-runner.docker.internal/t", "https://gateway.docker.internal/t",
    "https://printer.local/t",
    "http://auth.example.com/token", "file:///etc/passwd", "ftp://auth.example.com/t", "https://u:p@auth.example.com/",
    "/token",
  ])
  func refusesForPublicRegistry(_ realm: String) async throws {
    await expectRegistryError(.refusedRealm) { try await check(realm) }
  }

  @Test func publicRealmMustStayPublic() async throws {
    #expect(try await check("https://auth.example.com/token") == .publicNetworks)
    #expect(try await check("https://8.8.8.8/token") == .publicNetworks)
    // What a name means is seen when the connection stands, and nothing is sent before.
    for name in ["rebind.example.com", "short", "zoned.example.com", "unknown.example.com"] {
      #expect(try await check("https://\(name)/token") == .publicNetworks)
    }
  }

  @Test func looksUpRegistriesBehindAProxy() async throws {
    #expect(try await check("https://10.0.0.1/t", registry: "corp.example.com", in: nil) == .anywhere)
    #expect(try await check("https://auth.example.com/t", in: nil) == .publicNetworks)
    for registry in ["registry.example.com", "rebind.example.com", "unknown.example.com"] {
      await expectRegistryError(.refusedRealm) {
        try await check("https://10.0.0.1/t", registry: registry, in: nil)
      }
    }
  }

  @Test func allowsTheRegistryItself() async throws {
    #expect(try await check("https://registry.example.com:8443/token") == .anywhere)
    #expect(try await check("https://corp.example.com/token", registry: "corp.example.com:5000") == .anywhere)
  }

  @Test func allowsPrivateRealmForPrivateRegistry() async throws {
    #expect(
      try await check("https://gitlab.example.com/jwt/auth", registry: "corp.example.com:5050", in: .privateNetwork)
        == .anywhere)
    #expect(
      try await check("http://127.0.0.1:9/t", registry: "localhost:5000", in: .privateNetwork, isInsecure: true)
        == .anywhere)
    // A name that has a private address says nothing: the connection led elsewhere.
    await expectRegistryError(.refusedRealm) {
      try await check("https://10.1.2.3/t", registry: "gitlab.example.com", in: .publicNetwork)
    }
  }

  @Test(arguments: [
    ("10.0.0.1", true), ("10.0.0.1:443", true), ("10.0.0.1:444", false), ("*", true), ("10.0.0.2", false),
  ])
  func allowsWhatIsConfigured(_ entry: String, _ isAllowed: Bool) async throws {
    if isAllowed {
      #expect(try await check("https://10.0.0.1:443/t", allowed: [entry]) == .anywhere)
    } else {
      let error = await expectRegistryError(.refusedRealm) {
        try await check("https://10.0.0.1:443/t", allowed: [entry])
      }
      #expect(error?.message.contains("allowed-private-hosts") == true)
    }
    await expectRegistryError(.refusedRealm) { try await check("http://10.0.0.1/t", allowed: [entry]) }
  }

  @Test(arguments: [
    ("https://cdn.example.com/x", Reach.publicNetworks as Reach?), ("https://10.0.0.1/x", nil),
    ("https://gitlab.example.com/x", .publicNetworks), ("https://registry.example.com/x", .anywhere),
  ])
  func looksAtRedirects(_ target: String, _ expected: Reach?) async throws {
    let source = try #require(URL(string: "https://registry.example.com/v2/"))
    let location = try #require(URL(string: target))
    let networkGuard = networkGuard()
    let namer = PlaceNamer(host: "registry.example.com", network: .publicNetwork)
    guard let expected else {
      await expectRegistryError(.refusedRedirect) {
        try await networkGuard.check(location: location, from: source, namedBy: namer)
      }
      return
    }
    #expect(
      try await networkGuard.check(location: location, from: source, namedBy: namer) == expected)
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("10.9.8.7", true), ("::1", true), ("::ffff:192.168.0.1", true), ("93.184.216.34", false),
  ])
  func looksAtTheAddressThatIsDialled(_ address: String, _ isRefused: Bool) throws {
    let network = PeerNetwork.of(try SocketAddress(ipAddress: address, port: 443))
    #expect((network == .privateNetwork) == isRefused)
    #expect(PeerNetwork.of(try SocketAddress(unixDomainSocketPath: "/x")) == .privateNetwork)
  }

  @Test func closesConnectionsThatWouldLeaveThePublicNetworks() async throws {
    try await FakeRegistry.withRegistry { registry in
      let connections = try RegistryConnections(group: MultiThreadedEventLoopGroup.singleton)
      let transport = RegistryTransport(
        connections: connections, networkGuard: networkGuard(), stallTimeout: .seconds(20), userAgent: "test")
      let url = try #require(URL(string: "http://\(registry.host)/v2/"))
      await expectRegistryError(.refusedRedirect) {
        try await transport.send(.GET, url, reach: .publicNetworks, subject: "test")
      }
      // A place that a registry named once is no more trusted the next time.
      await expectRegistryError(.refusedRedirect) {
        try await transport.read(
          .GET, url, headers: [:], reach: .publicNetworks,
          namedBy: PlaceNamer(host: "registry.example.com", network: .publicNetwork), subject: "test")
      }
      #expect(try await transport.send(.GET, url, subject: "test").status == .notFound)
      #expect(registry.requests.count == 1)
      await connections.shutdown()
    }
  }

  @Test(arguments: [
    ("64:ff9b:1::808:808", true), ("64:ff9b::808:808", false), ("64:ff9b::a00:1", true), ("fec0::1", true),
    ("ff02::1", true), ("192.0.0.8", true), ("192.0.1.1", false), ("198.17.0.1", false), ("198.18.0.1", true),
    ("198.19.255.255", true), ("198.20.0.1", false), ("223.255.255.1", false), ("224.0.0.1", true),
    ("255.255.255.255", true), ("::ffff:198.18.0.1", true),
  ])
  func knowsWhatIsNoPublicHost(_ address: String, _ isPrivate: Bool) {
    #expect(NetworkScope.isPrivateAddress(address) == isPrivate)
  }

  @Test func systemResolverKnowsLoopback() async {
    let addresses = await NetworkScope.addresses(of: "localhost")
    #expect(!addresses.isEmpty)
    #expect(addresses.allSatisfy { NetworkScope.isPrivateAddress($0) == true })
    // Other ways to write an address, which the system understands.
    #expect(await NetworkScope.addresses(of: "2130706433") == ["127.0.0.1"])
    #expect(NetworkScope.isPrivateAddress("172.32.0.1") == false)
    #expect(NetworkScope.isPrivateAddress("2606:2800:220:1::1") == false)
    #expect(NetworkScope.isPrivateAddress("example.com") == nil)
  }
}
