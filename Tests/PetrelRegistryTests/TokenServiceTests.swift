// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOHTTP1
import NIOPosix
import PetrelTestSupport
import Testing

@testable import PetrelRegistry

@Suite struct TokenServiceTests {
  /// The realm guard's verdict is about an address. The name must not be looked up a second time.
  @Test func dialsTheAddressThatWasChecked() async throws {
    try await FakeRegistry.withRegistry { registry in
      let http = HTTPClient(
        eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
        configuration: RegistryClient.configuration())
      let transport = RegistryTransport(client: http, stallTimeout: .seconds(20), userAgent: "test")
      let service = TokenService(transport: transport, realmGuard: RealmGuard(allowsPrivateRealms: false))
      let port = try #require(registry.host.split(separator: ":").last)
      // This name exists nowhere.
      let realm = try #require(URL(string: "http://auth.invalid:\(port)/token"))
      let status = try await service.withTransport(dialling: "127.0.0.1", for: realm) { transport in
        let response = try await transport.send(.GET, realm, subject: "token")
        await response.body.discard()
        return response.status
      }
      #expect(status == .notFound)
      #expect(registry.requests.first?.headers["Host"] == ["auth.invalid:\(port)"])
      try await http.shutdown()
    }
  }
}
