// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PetrelOCI
import PetrelTestSupport
import Testing

@testable import PetrelRegistry

/// Who may name what is decided by the addresses that connections have, and not by what names mean when they are looked
/// up once more.
@Suite struct PeerNetworkTests {
  /// What only the connection tells to be private.
  private static let name = "storage.example"

  private static func place(of server: FakeRegistry) -> String {
    name + ":" + (server.host.split(separator: ":").last ?? "")
  }

  /// A registry whose connections count as public ones, beside servers on this machine; its name leads to a private
  /// address whenever it is looked up.
  private func withPublicRegistry(_ body: (FakeRegistry, RegistryClient) async throws -> Void) async throws {
    try await FakeRegistry.withRegistry { registry in
      let port = registry.host.split(separator: ":").last.flatMap { Int($0) }
      let connections = try RegistryConnections(
        group: MultiThreadedEventLoopGroup.singleton, knownHosts: [Self.name: "127.0.0.1"],
        network: { $0?.port == port ? .publicNetwork : .privateNetwork })
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      let client = RegistryClient(
        connections: connections,
        credentials: RegistryCredentials(environment: [:], configFile: nil, logger: logger),
        configuration: RegistryConfiguration(
          insecureRegistries: [], mirrors: [], retryPolicy: RetryPolicy(attempts: 1), stallTimeout: .seconds(20),
          chunkSize: 1024 * 1024),
        logger: logger)
      do {
        try await body(registry, client)
      } catch {
        await connections.shutdown()
        throw error
      }
      await connections.shutdown()
    }
  }

  @Test func aPublicRegistryLeadsToNoPrivateStorage() async throws {
    try await FakeRegistry.withRegistry { storage in
      try await withPublicRegistry { registry, client in
        let model = try registry.addModel("ai/tiny")
        storage.add(model, to: "any")
        registry.redirectBlobs(to: "http://\(Self.place(of: storage))")
        let error = await expectRegistryError(.refusedRedirect) {
          try await client.openBlob(model.layers[0], of: registry.reference("ai/tiny"), from: 0)
        }
        #expect(error?.message.contains("private network") == true)
        #expect(storage.requests.isEmpty)
      }
    }
  }

  @Test func aPublicRegistryNamesNoPrivateTokenServer() async throws {
    try await FakeRegistry.withRegistry { other in
      try await withPublicRegistry { registry, client in
        try registry.addModel("ai/tiny")
        registry.require(.token(realm: "http://\(Self.place(of: other))/token"))
        let error = await expectRegistryError(.refusedRealm) {
          try await client.manifest(registry.reference("ai/tiny"))
        }
        #expect(error?.message.contains("allowed-private-hosts") == true)
        #expect(other.requests.isEmpty)
      }
    }
  }

  @Test func aPublicRegistrySendsNoUploadIntoAPrivateNetwork() async throws {
    try await FakeRegistry.withRegistry { other in
      try await withPublicRegistry { registry, client in
        registry.locateUploads(at: "http://\(Self.place(of: other))")
        let bytes = ByteBuffer(repeating: 7, count: 1000)
        let blob = Descriptor(
          mediaType: "application/octet-stream", size: 1000, digest: Digest(of: Array(bytes.readableBytesView)))
        await expectRegistryError(.refusedRedirect) {
          try await client.pushBlob(
            blob, to: registry.reference("ai/tiny"), mountingFrom: [], content: BufferContent(bytes), progress: { _ in }
          )
        }
        #expect(other.requests.isEmpty)
      }
    }
  }

  @Test func serversDoNotSayThemselvesWhereTheyAre() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      fixture.registry.inject(
        .headers(["petrel-peer-network": "public"]), at: model.layers[0].digest.description)
      let connections = try RegistryConnections(group: MultiThreadedEventLoopGroup.singleton)
      let transport = RegistryTransport(
        connections: connections, networkGuard: NetworkGuard(allowedPrivateHosts: []), stallTimeout: .seconds(20),
        userAgent: "test")
      let url = try #require(
        URL(string: "http://\(fixture.registry.host)/v2/ai/tiny/blobs/\(model.layers[0].digest)"))
      let response = try await transport.send(.GET, url, subject: "test")
      #expect(response.namer.network == .privateNetwork)
      #expect(!response.headers.contains(name: "petrel-peer-network"))
      await connections.shutdown()
    }
  }
}
