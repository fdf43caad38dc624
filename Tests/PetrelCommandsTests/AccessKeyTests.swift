// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import PetrelTestSupport
import SystemPackage
import Testing

@testable import PetrelAccess
@testable import PetrelCommands

@Suite struct AccessKeyTests {
  @Test func aNewKeyIsPrintedOnceAndItsDigestKept() async throws {
    let fixture = try CommandFixture()
    let words = ["keys", "create", "laptop", "--scope", "inference,models", "--expires", "30d", "--rate", "60"]
    #expect(await fixture.run(words + ["--concurrency", "2"], fixture.context()) == 0)
    let secret = fixture.output.dropLast()
    let keys = try APIKeyFile(home: fixture.folder.appending(".petrel")).read()
    let expected = APIKey(
      name: "laptop", secret: KeySecret(text: String(secret)), scopes: [.inference, .models], created: 1_800_000_000,
      expires: 1_802_592_000, requestsPerMinute: 60, concurrentRequests: 2)
    #expect(keys == [expected])

    #expect(await fixture.run(["keys", "list"], fixture.context()) == 0)
    #expect(fixture.output.ranges(of: secret).count == 1)
    #expect(fixture.output.contains("laptop"))
    #expect(fixture.output.contains("inference,models"))
    #expect(fixture.output.contains("60/min, 2 at a time"))
  }

  @Test func keysAreRevokedByNameAndByID() async throws {
    let fixture = try CommandFixture()
    let file = APIKeyFile(home: fixture.folder.appending(".petrel"))
    for name in ["one", "two", "three"] {
      #expect(await fixture.run(["keys", "create", name], fixture.context()) == 0)
    }
    let two = try #require(try file.read().first { $0.name == "two" })
    #expect(await fixture.run(["keys", "revoke", "one", two.id], fixture.context()) == 0)
    #expect(try file.read().map(\.name) == ["three"])
    #expect(await fixture.run(["keys", "revoke", "one"], fixture.context()) == 1)
    #expect(fixture.errors.contains("there is no key \"one\"; `petrel keys list` shows those there are"))
  }

  @Test(arguments: [
    ["a b"], [""], ["x", "--scope", "root"], ["x", "--expires", "soon"], ["x", "--expires", "0d"],
    ["x", "--rate", "0"], ["x", "--concurrency", "many"],
  ])
  func wrongWordsMakeNoKey(_ words: [String]) async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["keys", "create"] + words, fixture.context()) == 1)
    #expect(fixture.output.isEmpty)
    #expect(try APIKeyFile(home: fixture.folder.appending(".petrel")).read().isEmpty)
  }

  @Test func aNameIsTakenOnce() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["keys", "create", "x", "--json"], fixture.context()) == 0)
    #expect(fixture.output.contains(#""key": "petrel-"#))
    #expect(await fixture.run(["keys", "create", "x"], fixture.context()) == 1)
    #expect(fixture.errors.contains("there is a key \"x\" already"))
  }

  @Test func commandsSendTheirKeyOverTCP() async throws {
    let fixture = try CommandFixture()
    let requests = try await StubDaemon.serving({ _ in .json("[]") }) { stub in
      let environment = ["MODEL_RUNNER_HOST": stub.address]
      _ = await fixture.run(["list"], fixture.context(environment: environment))
      _ = await fixture.run(
        ["list"], fixture.context(environment: environment.merging(["PETREL_API_KEY": "k1"]) { $1 }))
      try fixture.folder.appending(".petrel/config.yaml").write("api-key: k2\n")
      _ = await fixture.run(["list"], fixture.context(environment: environment))
      return stub.requests
    }
    #expect(requests.map { $0.headers.first(name: "Authorization") } == [nil, "Bearer k1", "Bearer k2"])
  }
}
