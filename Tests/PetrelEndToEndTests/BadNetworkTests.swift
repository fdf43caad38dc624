// SPDX-License-Identifier: Apache-2.0

import PetrelOCI
import PetrelTestSupport
import SystemPackage
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension EndToEnd {
  /// All that can go wrong between a real registry and the client, in front of a registry that is open, speaks TLS,
  /// wants a password, or a token.
  @Suite struct BadNetworkTests {
    enum Guarding: CaseIterable {
      case open, tls, password, tlsAndPassword, token

      var usesTLS: Bool { self == .tls || self == .tlsAndPassword }
      var wantsPassword: Bool { self == .password || self == .tlsAndPassword }
    }

    private static let chunk = 8 * 1024 * 1024
    private static let size = 9 * chunk + 4321
    private static let credentials = "\(ContainerRegistry.user):\(ContainerRegistry.password)"

    @Test(arguments: Guarding.allCases)
    func aPullGetsToItsEnd(_ guarding: Guarding) async throws {
      try await Scratch.with { scratch in
        let certificates = try await Certificates(in: scratch)
        try await withRegistry(guarding, certificates, scratch) { registry in
          let weights = try paddedWeights(scratch)
          let layer = Digest(of: Array(try #require(FileManager.default.contents(atPath: weights.string))))
          let identity = guarding.usesTLS ? (certificates.certificate.string, certificates.key.string) : nil
          try await FaultProxy.with(registry.host, blob: layer, identity: identity) { proxy in
            let hosts = [registry.host, proxy.host]
            try allow(hosts, guarding, certificates, scratch)
            let environment = guarding.usesTLS ? ["PETREL_CA_BUNDLE": certificates.authority.string] : [:]
            try await Daemon.with(in: scratch, environment: environment) { daemon in
              let name = "\(registry.host)/team/large:v1"
              let pushed = try await daemon.petrel("package", "--gguf", weights.string, "--push", name)
              try #require(pushed.status == 0, "\(pushed.errors)")
              #expect(try await daemon.petrel("rm", name).status == 0)
              let file = "m/blobs/sha256/\(layer.hex)"
              // The push may hold the layer for a moment more.
              try await eventually("the layer is gone") {
                _ = try await daemon.petrel("prune", "--force")
                return scratch.size(of: file) == 0
              }
              injectFaults(proxy, guarding)
              let pulled = try await daemon.petrel("pull", "\(proxy.host)/team/large:v1")
              #expect(pulled.status == 0, "\(pulled.errors)")
              #expect(proxy.pendingFaults == 0)
              #expect(pulled.errors.contains("Downloaded"), "\(pulled.errors)")
              let sum = try await scratch.run("sha256sum", [scratch.folder.appending(file).string])
              #expect(sum.output.hasPrefix(layer.hex))
              #expect(!daemon.log.contains(ContainerRegistry.password))
            }
          }
        }
      }
    }

    private func withRegistry(
      _ guarding: Guarding, _ certificates: Certificates, _ scratch: Scratch,
      _ body: @escaping @Sendable (ContainerRegistry) async throws -> Void
    ) async throws {
      guard guarding == .token else {
        return try await ContainerRegistry.with(
          in: scratch, withPassword: guarding.wantsPassword, certificates: guarding.usesTLS ? certificates : nil, body)
      }
      // A certificate that signs itself: of the authority, whose key signs the tokens here.
      let key = scratch.read("tls/ca.key")
      try await TokenServer.with(key: key, certificate: scratch.read("tls/ca.crt"), credentials: Self.credentials) {
        tokens in
        try await ContainerRegistry.with(in: scratch, tokens: (tokens, certificates.authority), body)
      }
    }

    /// Lets Petrel into the registry, there and through the proxy.
    private func allow(
      _ hosts: [String], _ guarding: Guarding, _ certificates: Certificates, _ scratch: Scratch
    ) throws {
      if guarding.usesTLS {
        for host in hosts { try scratch.write(scratch.read("tls/ca.crt"), to: "docker/certs.d/\(host)/ca.crt") }
      }
      if guarding.wantsPassword || guarding == .token {
        let secret = Data(Self.credentials.utf8).base64EncodedString()
        let entries = hosts.map { #""\#($0)":{"auth":"\#(secret)"}"# }.joined(separator: ",")
        try scratch.write(#"{"auths":{\#(entries)}}"#, to: "docker/config.json")
      }
    }

    private func injectFaults(_ proxy: FaultProxy, _ guarding: Guarding) {
      proxy.redirectBlobs()
      let chunk = Int64(Self.chunk)
      proxy.inject(.reorder(1000), at: 99)
      proxy.inject(.cut, at: chunk + 1_000_000)
      proxy.inject(.status(503), at: 2 * chunk)
      proxy.inject(.otherRange, at: 3 * chunk)
      proxy.inject(.corrupt, at: 4 * chunk + 17)
      // Never released. It costs five seconds until it is noticed.
      if guarding == .open { proxy.inject(.stall, at: 4 * chunk + 4_000_000) }
      proxy.inject(.ignoreRange, at: 5 * chunk)
      proxy.inject(.tag("another"), at: 6 * chunk)
      proxy.inject(.expire, at: 7 * chunk)
      proxy.inject(.status(429, headers: ["Retry-After": "1"]), at: 8 * chunk)
    }

    /// The demo model with a tail that no tensor refers to.
    private func paddedWeights(_ scratch: Scratch) throws -> FilePath {
      var bytes = try #require(FileManager.default.contents(atPath: scratch.setup.weights))
      var generator = SystemRandomNumberGenerator()
      let block = (0..<131_072).map { _ in generator.next() as UInt64 }.withUnsafeBytes { Data($0) }
      var number: UInt64 = 0
      while bytes.count < Self.size {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
        bytes.append(block)
        number += 1
      }
      let path = scratch.folder.appending("padded.gguf")
      try bytes.write(to: URL(filePath: path.string))
      return path
    }
  }
}
