// SPDX-License-Identifier: Apache-2.0

import PetrelHTTP
import PetrelServer
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelDaemon

struct AccessSettingsTests {
  private static func load(
    _ yaml: String = "", flags: [String: [String]] = [:], environment: [String: String] = [:]
  ) async throws -> DaemonConfiguration {
    try await withTemporaryFolder { folder in
      try folder.appending(".petrel/config.yaml").write(yaml)
      return try DaemonConfiguration.load(
        flags: flags, environment: environment, userHome: folder, workingDirectory: folder, processors: 4)
    }
  }

  @Test func nothingNeedsToBeSaid() async throws {
    let access = try await Self.load().access
    #expect(access.authentication == .auto)
    #expect(access.requests == RequestLimits())
    #expect(access.requests.body == 256 * 1024 * 1024)
    #expect(access.connections.connections == 4096)
    #expect(access.warnings.isEmpty)
  }

  @Test func allCanBeSaid() async throws {
    let yaml = """
      auth: off
      allowed-hosts: [box.lan, "*.corp.example"]
      max-body: 32
      max-images: 3
      max-image-size: 5
      max-image-pixels: 12
      image-urls: true
      max-connections: 100
      """
    let access = try await Self.load(yaml).access
    #expect(access.authentication == .off)
    #expect(access.allowedHosts == ["box.lan", "*.corp.example"])
    var limits = RequestLimits()
    (limits.body, limits.images, limits.imageBytes) = (32 << 20, 3, 5 << 20)
    (limits.imagePixels, limits.fetchesImages) = (12_000_000, true)
    #expect(access.requests == limits)
    #expect(access.connections.connections == 100)
    #expect(try await Self.load(yaml, flags: ["auth": ["on"]]).access.authentication == .on)
    #expect(try await Self.load(yaml, environment: ["PETREL_AUTH": "auto"]).access.authentication == .auto)
  }

  @Test func whatIsNoOriginIsNamedAndLeftOut() async throws {
    let configuration = try await Self.load(environment: ["DMR_ORIGINS": "https://a.example, b.example,http://c.lan:*"])
    #expect(configuration.warnings.count == 1)
    #expect(configuration.warnings.first?.contains("\"b.example\" is no web origin") == true)
  }

  @Test(arguments: ["auth: maybe", "max-body: 0", "max-images: -1", "max-connections: many", "allowed-hosts: a/b"])
  func whatCannotBeMeantKeepsTheDaemonFromStarting(_ yaml: String) async throws {
    await #expect(throws: ConfigurationError.self) { try await Self.load(yaml) }
  }

  @Test func theKeyIsNotShown() async throws {
    let configuration = try await Self.load("api-key: petrel-secret\n")
    #expect(configuration.apiKey == "petrel-secret")
    #expect(!configuration.rows.contains { $0.value.contains("secret") })
  }
}

struct ListenerReachTests {
  @Test(arguments: [
    ("127.0.0.1", "lo", ListenerReach.local), ("127.8.8.8", "", .local), ("::1", "lo0", .local),
    ("172.17.0.1", "docker0", .local), ("172.18.0.1", "br-0123456789ab", .local), ("10.88.0.1", "podman0", .local),
    ("172.17.0.1", "eth0", .network), ("192.168.1.5", "wlan0", .network), ("0.0.0.0", "", .network),
    ("::", "", .network), ("203.0.113.5", "docker0", .network), ("fd00::1", "br-0123456789ab", .local),
    ("172.32.0.1", "docker0", .network), ("10.0.0.1", "", .network),
  ])
  func aListenerIsLocalOrNot(_ address: String, _ interface: String, _ reach: ListenerReach) throws {
    #expect(
      ListenerReach(address: try #require(IPAddress(address)), interface: interface.isEmpty ? nil : interface) == reach)
  }

  @Test func namesAreLookedUp() {
    #expect(ListenerReach(host: "localhost") == .local)
    #expect(ListenerReach(host: "[::1]") == .local)
    #expect(ListenerReach(host: "no.such.name.invalid") == .network)
  }
}
