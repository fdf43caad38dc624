// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PetrelRegistry

@Suite struct RealmGuardTests {
  /// Names that the tests resolve; nothing leaves this machine.
  private static let names = [
    "registry.example.com": ["93.184.216.34"], "auth.example.com": ["93.184.216.35", "2606:2800:220:1::1"],
    "rebind.example.com": ["93.184.216.36", "10.0.0.1"], "short": ["127.0.0.1"], "corp.example.com": ["10.1.2.3"],
    "gitlab.example.com": ["192.168.7.7"], "zoned.example.com": ["fe80::1%eth0"],
  ]

  private func check(
    _ realm: String, registry: String = "registry.example.com", isInsecure: Bool = false, allowsPrivate: Bool = false
  ) async throws -> String? {
    var realmGuard = RealmGuard(allowsPrivateRealms: allowsPrivate)
    realmGuard.addresses = { Self.names[$0] ?? [] }
    let url = try #require(URL(string: realm))
    return try await realmGuard.check(
      realm: url, for: RegistryEndpoint(registry: registry, isInsecure: isInsecure))
  }

  @Test(arguments: [
    "https://localhost/token", "https://LOCALHOST./token", "https://a.localhost/t", "https://127.0.0.1:8080/token",
    "https://127.9.9.9/t", "https://[::1]/t", "https://[::ffff:10.0.0.1]/t", "https://[64:ff9b::a00:1]/t",
    "https://10.0.0.1/t", "https://172.16.0.1/t", "https://172.31.255.255/t", "https://192.168.1.1/t",
    "https://169.254.169.254/latest", "https://[fe80::1]/t", "https://[fd00::1]/t", "https://[::]/t",
    "https://0.0.0.0/t",
    "https://host.docker.internal/t", "https://model-runner.docker.internal/t", "https://gateway.docker.internal/t",
    "https://printer.local/t", "https://rebind.example.com/t", "https://short/t", "https://zoned.example.com/t",
    "http://auth.example.com/token", "file:///etc/passwd", "ftp://auth.example.com/t", "https://u:p@auth.example.com/",
    "/token",
  ])
  func refusesForPublicRegistry(_ realm: String) async throws {
    await expectRegistryError(.refusedRealm) { try await check(realm) }
  }

  @Test func pinsPublicRealm() async throws {
    #expect(try await check("https://auth.example.com/token") == "93.184.216.35")
    #expect(try await check("https://8.8.8.8/token") == "8.8.8.8")
  }

  @Test func allowsTheRegistryItself() async throws {
    #expect(try await check("https://registry.example.com:8443/token") == nil)
    #expect(try await check("https://corp.example.com/token", registry: "corp.example.com:5000") == nil)
  }

  @Test func allowsPrivateRealmForPrivateRegistry() async throws {
    #expect(try await check("https://gitlab.example.com/jwt/auth", registry: "corp.example.com:5050") == nil)
    #expect(try await check("http://127.0.0.1:9/t", registry: "localhost:5000", isInsecure: true) == nil)
    // One private address among public ones does not make a registry private.
    await expectRegistryError(.refusedRealm) {
      try await check("https://gitlab.example.com/t", registry: "rebind.example.com")
    }
  }

  @Test func allowsPrivateRealmWhenConfigured() async throws {
    #expect(try await check("https://10.0.0.1/t", allowsPrivate: true) == nil)
    await expectRegistryError(.refusedRealm) { try await check("http://10.0.0.1/t", allowsPrivate: true) }
  }

  @Test func systemResolverKnowsLoopback() async {
    let addresses = await NetworkScope.addresses(of: "localhost")
    #expect(!addresses.isEmpty)
    #expect(addresses.allSatisfy { NetworkScope.isPrivateAddress($0) == true })
    #expect(NetworkScope.isPrivateAddress("172.32.0.1") == false)
    #expect(NetworkScope.isPrivateAddress("2606:2800:220:1::1") == false)
    #expect(NetworkScope.isPrivateAddress("example.com") == nil)
  }
}
