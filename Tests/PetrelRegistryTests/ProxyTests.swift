// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import PetrelOCI
import PetrelTestSupport
import Testing

@testable import PetrelRegistry

@Suite struct ProxyTests {
  @Test(arguments: [
    ("proxy.lan:3128", "http://proxy.lan:3128" as String?), ("http://proxy.lan", "http://proxy.lan:80"),
    ("http://proxy.lan:3128/", "http://proxy.lan:3128"), ("HTTP://u:p%40ss@[::1]:8", "http://u@[::1]:8"),
    ("10.0.0.1:8080", "http://10.0.0.1:8080"), ("socks5://proxy.lan", "socks5://proxy.lan:1080"),
    ("socks5h://proxy.lan:9", "socks5://proxy.lan:9"), ("https://proxy.lan", nil), ("ftp://proxy.lan", nil),
    ("socks5://u:p@proxy.lan", nil), ("http://proxy.lan/path", nil), ("http://", nil), ("", nil),
  ])
  func readsServers(_ text: String, _ expected: String?) {
    #expect(ProxyServer(parsing: text)?.description == expected)
  }

  @Test func decodesCredentials() throws {
    let proxy = try #require(ProxyServer(parsing: "http://me%40corp:p%3A%2Fw@proxy.lan:3128"))
    #expect(proxy.user == "me@corp")
    #expect(proxy.password == "p:/w")
    #expect(!"\(proxy)".contains("p:/w"))
  }

  @Test(arguments: [
    ("example.com", "example.com", 443, true), ("example.com", "a.b.example.com", 443, true),
    ("example.com", "badexample.com", 443, false), (".example.com", "example.com", 443, false),
    (".example.com", "a.example.com", 443, true), ("*.example.com", "a.example.com", 443, true),
    ("*.example.com", "example.com", 443, false), ("Example.COM", "example.com", 80, true),
    ("example.com:8080", "example.com", 8080, true), ("example.com:8080", "example.com", 443, false),
    ("10.1.2.3", "10.1.2.3", 443, true), ("10.1.2.3", "10.1.2.4", 443, false),
    ("10.1.2.3:5000", "10.1.2.3", 5000, true),
    ("10.0.0.0/8", "10.200.1.1", 443, true), ("10.0.0.0/8", "11.0.0.1", 443, false),
    ("192.168.1.128/25", "192.168.1.200", 443, true), ("192.168.1.128/25", "192.168.1.100", 443, false),
    ("10.0.0.0/8", "example.com", 443, false), ("fd00::/8", "fd12::1", 443, true), ("fd00::/8", "fe80::1", 443, false),
    ("0.0.0.0/0", "8.8.8.8", 443, true), ("::1", "::1", 443, true), ("[fd00::1]:5000", "fd00::1", 5000, true),
    ("*", "anything", 1, true),
  ])
  func readsExceptions(_ text: String, _ host: String, _ port: Int, _ isCovered: Bool) throws {
    let exception = try #require(ProxyException(parsing: text))
    #expect(exception.covers(host, port: port) == isCovered)
  }

  @Test(arguments: ["", "  ", "10.0.0.0/33", "10.0.0.0/x", "name/8", "fd00::/129"])
  func refusesExceptions(_ text: String) {
    #expect(ProxyException(parsing: text) == nil)
  }

  @Test(arguments: [
    ("https://registry.example.com/v2/", "http://tls:2" as String?),
    ("http://registry.example.com/v2/", "http://plain:1"),
    ("https://direct.example.com/", nil), ("http://localhost:5000/", nil), ("https://127.0.0.2:5000/", nil),
    ("https://[::1]:5000/", nil), ("https://10.0.0.1/", "http://tls:2"),
  ])
  func choosesProxies(_ url: String, _ expected: String?) throws {
    let settings = ProxySettings(
      http: ProxyServer(parsing: "plain:1"), https: ProxyServer(parsing: "tls:2"),
      exceptions: [try #require(ProxyException(parsing: "direct.example.com"))])
    #expect(settings.proxy(for: try #require(URL(string: url)))?.description == expected)
  }

  /// A registry whose name leads nowhere but through the proxy.
  private func run(
    credentials: String? = nil, user: String = "",
    _ body: (ClientFixture, ConnectProxy, ModelReference) async throws -> Void
  ) async throws {
    try await ConnectProxy.with(credentials: credentials) { proxy in
      let settings = ProxySettings(http: ProxyServer(parsing: "http://\(user)\(proxy.host)"))
      try await ClientFixture.run(
        proxies: settings, insecureRegistries: ["registry.petrel.test"]
      ) { fixture in
        let port = try #require(fixture.registry.host.split(separator: ":").last.flatMap { Int($0) })
        proxy.lead("registry.petrel.test:5000", to: port)
        let reference = ModelReference(
          registry: "registry.petrel.test:5000", repository: "ai/tiny", version: .tag("latest"))
        try await body(fixture, proxy, reference)
      }
    }
  }

  @Test func goesThroughTheProxy() async throws {
    try await run { fixture, proxy, reference in
      let model = try fixture.registry.addModel("ai/tiny")
      #expect(try await fixture.client.manifest(reference).digest == model.digest)
      #expect(proxy.targets == ["registry.petrel.test:5000"])
      // This machine is spoken to directly.
      _ = try await fixture.client.manifest(fixture.reference)
      #expect(proxy.targets.count == 1)
    }
  }

  @Test func showsCredentialsToTheProxyAlone() async throws {
    try await run(credentials: "me:s:ecret", user: "me:s%3Aecret@") { fixture, _, reference in
      try fixture.registry.addModel("ai/tiny")
      _ = try await fixture.client.manifest(reference)
      #expect(fixture.registry.requests.allSatisfy { !$0.headers.contains(name: "Proxy-Authorization") })
    }
  }

  @Test func saysThatTheProxyWantsCredentials() async throws {
    try await run(credentials: "me:secret") { fixture, _, reference in
      let error = await expectRegistryError(.proxyRefused) { try await fixture.client.manifest(reference) }
      #expect(error?.message.contains("proxy") == true)
      #expect(fixture.pauses.all.isEmpty)
    }
  }

  @Test func doesNotGoRoundAProxyThatCannotBeUsed() async throws {
    try await ClientFixture.run(proxies: ProxySettings(http: .unusable), insecureRegistries: ["registry.petrel.test"]) {
      let reference = ModelReference(registry: "registry.petrel.test", repository: "ai/x", version: .tag("v"))
      let client = $0.client
      let error = await expectRegistryError(.proxyRefused) { try await client.manifest(reference) }
      #expect(error?.message.contains("cannot be used") == true)
    }
  }

  @Test func saysThatTheProxyFindsNothing() async throws {
    try await run { fixture, _, _ in
      let reference = ModelReference(registry: "registry.petrel.test:1", repository: "ai/x", version: .tag("v"))
      let error = await expectRegistryError(.connection) { try await fixture.client.manifest(reference) }
      #expect(error?.message.contains("the proxy does not connect") == true)
    }
  }
}
