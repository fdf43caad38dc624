// SPDX-License-Identifier: Apache-2.0

import Foundation
import PetrelOCI
import PetrelRegistry
import PetrelTestSupport
import SystemPackage
import Testing

@Suite struct AuthenticationFlowTests {
  /// Runs `body` with a client whose Docker configuration holds `entry` for its registry, which is written by `write`.
  private func run(
    _ body: (ClientFixture, _ write: (_ entry: String) throws -> Void) async throws -> Void
  ) async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "petrel-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try await ClientFixture.run(configFile: FilePath(file.path)) { fixture in
      try await body(fixture) { entry in
        try Data(#"{"auths": {"\#(fixture.registry.host)": \#(entry)}}"#.utf8).write(to: file)
      }
    }
  }

  @Test func getsAnonymousTokenAndKeepsIt() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      _ = try await fixture.client.manifest(fixture.reference)
      _ = try await fixture.client.blob(model.config, of: fixture.reference, limit: 1_000_000)
      let tokens = fixture.registry.requests(at: "/token")
      #expect(tokens.map(\.query) == ["service=fake%20registry&scope=repository%3Aai%2Ftiny%3Apull"])
      #expect(tokens.map(\.authorization) == [nil])
      #expect(fixture.registry.requests(at: "manifests/latest").map(\.authorization) == [nil, "Bearer token-1"])
      #expect(fixture.registry.requests(at: model.config.digest.description).map(\.authorization) == ["Bearer token-1"])
    }
  }

  @Test func sharesOneExchange() async throws {
    try await ClientFixture.run { fixture in
      let model = try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      try await withThrowingTaskGroup(of: Digest.self) { group in
        for _ in 0..<8 { group.addTask { try await fixture.client.manifest(fixture.reference).digest } }
        for try await digest in group { #expect(digest == model.digest) }
      }
      #expect(fixture.registry.requests(at: "/token").count == 1)
    }
  }

  @Test func replacesRevokedAndExpiredTokens() async throws {
    try await ClientFixture.run { fixture in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      _ = try await fixture.client.manifest(fixture.reference)
      fixture.registry.revokeTokens()
      _ = try await fixture.client.manifest(fixture.reference)
      #expect(fixture.registry.requests(at: "/token").count == 2)
      // Lifetimes shorter than the safety margin: each use needs a new one.
      fixture.registry.require(.token(expiresIn: 1))
      fixture.registry.revokeTokens()
      _ = try await fixture.client.manifest(fixture.reference)
      fixture.registry.forgetRequests()
      _ = try await fixture.client.manifest(fixture.reference)
      #expect(fixture.registry.requests(at: "manifests/latest").map(\.authorization) == [nil, "Bearer token-4"])
    }
  }

  @Test func sendsUserAndPasswordToTheTokenServer() async throws {
    try await run { fixture, write in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token(user: "me", password: "p+w & x"))
      let error = await expectRegistryError(.unauthorized) { try await fixture.client.manifest(fixture.reference) }
      #expect(error?.message.contains("docker login \(fixture.registry.host)") == true)
      // `docker login` while the daemon runs.
      try write(#"{"username": "me", "password": "p+w & x"}"#)
      _ = try await fixture.client.manifest(fixture.reference)
      // The registry itself never sees the password.
      let seen = fixture.registry.requests(at: "manifests/latest").compactMap(\.authorization)
      #expect(seen == ["Bearer token-1"])
    }
  }

  @Test func exchangesIdentityTokens() async throws {
    try await run { fixture, write in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token(identityToken: "id/+="))
      try write(#"{"identitytoken": "id/+="}"#)
      _ = try await fixture.client.manifest(fixture.reference)
      let forms = fixture.registry.requests("POST", at: "/token").map(\.form)
      #expect(
        forms == [
          "service=fake%20registry&grant_type=refresh_token&refresh_token=id%2F%2B%3D&client_id=petrel"
            + "&scope=repository%3Aai%2Ftiny%3Apull"
        ])
    }
  }

  @Test func answersBasicChallenges() async throws {
    try await run { fixture, write in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.basic(user: "me", password: "secret"))
      await expectRegistryError(.unauthorized) { try await fixture.client.manifest(fixture.reference) }
      try write(#"{"username": "me", "password": "wrong"}"#)
      await expectRegistryError(.unauthorized) { try await fixture.client.manifest(fixture.reference) }
      try write(#"{"username": "me", "password": "secret"}"#)
      _ = try await fixture.client.manifest(fixture.reference)
      fixture.registry.forgetRequests()
      _ = try await fixture.client.manifest(fixture.reference)
      #expect(fixture.registry.requests.count == 1)
    }
  }

  @Test func sendsTheRequestsOwnTokenAsBearer() async throws {
    try await ClientFixture.run { fixture in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      await expectRegistryError(.unauthorized) {
        try await fixture.client.manifest(fixture.reference, bearerToken: "mine")
      }
      #expect(fixture.registry.requests.map(\.authorization) == ["Bearer mine"])
    }
  }

  @Test func environmentCredentialsStayWithDockerHub() async throws {
    let environment = ["DOCKER_USERNAME": "me", "DOCKER_PASSWORD": "secret"]
    try await ClientFixture.run(environment: environment) { fixture in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      _ = try await fixture.client.manifest(fixture.reference)
      #expect(fixture.registry.requests(at: "/token").map(\.authorization) == [nil])
    }
  }

  @Test(arguments: ["not a url at all", "ftp://127.0.0.1/token", "http://user:pw@127.0.0.1/token"])
  func refusesRealms(_ realm: String) async throws {
    try await ClientFixture.run { fixture in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token(realm: realm))
      let error = await expectRegistryError(.refusedRealm) { try await fixture.client.manifest(fixture.reference) }
      #expect(error?.message.hasPrefix("realm URL rejected: ") == true)
    }
  }

  @Test func tokenServerMayNotRedirect() async throws {
    try await ClientFixture.run { fixture in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      fixture.registry.inject(.status(307, headers: ["Location": "/token?second"]), at: "/token")
      await expectRegistryError(.unauthorized) { try await fixture.client.manifest(fixture.reference) }
      #expect(fixture.registry.requests(at: "/token").count == 1)
    }
  }

  @Test func retriesABusyTokenServer() async throws {
    try await ClientFixture.run { fixture in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      fixture.registry.inject(.status(503, headers: ["Retry-After": "9"]), at: "/token")
      _ = try await fixture.client.manifest(fixture.reference)
      #expect(fixture.pauses.all == [.seconds(9)])
    }
  }

  @Test(arguments: ["", "{}", #"{"token": ""}"#, #"{"token": "a\r\nX-Evil: 1"}"#])
  func refusesAnswersWithoutToken(_ body: String) async throws {
    try await ClientFixture.run { fixture in
      try fixture.registry.addModel("ai/tiny")
      fixture.registry.require(.token())
      fixture.registry.inject(.body(Array(body.utf8)), at: "/token")
      await expectRegistryError(.invalidResponse) { try await fixture.client.manifest(fixture.reference) }
    }
  }
}
