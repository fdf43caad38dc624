// SPDX-License-Identifier: Apache-2.0

import PetrelTestSupport
import Testing

@testable import PetrelCommands

/// What is said when the daemon's address leads to something else, or to nothing.
@Suite struct WrongDaemonTests {
  private func run(
    _ words: [String], fixture: CommandFixture,
    _ respond: @escaping @Sendable (StubDaemon.Request) -> StubDaemon.Response
  ) async throws -> Int32 {
    try await StubDaemon.serving(respond) { stub in
      await fixture.run(words, fixture.context(environment: ["MODEL_RUNNER_HOST": stub.address]))
    }
  }

  @Test(arguments: [["ls"], ["inspect", "m"], ["ps"], ["pull", "m"]])
  func `A server that is no model runner is named`(words: [String]) async throws {
    let fixture = try CommandFixture()
    #expect(try await run(words, fixture: fixture) { _ in .init(404, chunks: ["404 page not found\n"]) } == 1)
    #expect(fixture.errors.contains("what answers at http://127.0.0.1:"))
    #expect(fixture.errors.contains("is no model runner"))
  }

  @Test func `A model runner that does not know a path keeps its own words`() async throws {
    let fixture = try CommandFixture()
    let status = try await run(["fsck"], fixture: fixture) { request in
      request.uri == "/models" ? .json("[]") : .init(404, chunks: ["404 page not found\n"])
    }
    #expect(status == 1)
    #expect(fixture.errors == "Error: Failed to check the store: 404 page not found\n")
  }

  @Test func `A daemon that wants a key is reachable`() async throws {
    let fixture = try CommandFixture()
    #expect(try await run(["version"], fixture: fixture) { _ in .init(401, chunks: ["no key"]) } == 0)
    #expect(fixture.output.contains("Version:    (it wants an API key: set PETREL_API_KEY)\n"))
  }

  @Test(arguments: [
    (["MODEL_RUNNER_HOST": "http://127.0.0.1:1"], "no command starts one there"),
    (["MODEL_RUNNER_PORT": "1", "PETREL_NO_AUTOSTART": "1"], "commands must not start it"),
    (["MODEL_RUNNER_PORT": "1"], "commands that need it start it themselves"),
  ]) func `Advice fits the daemon that does not run`(environment: [String: String], words: String) async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["status"], fixture.context(environment: environment)) == 1)
    #expect(fixture.errors.contains(words))
    #expect(fixture.launches.isEmpty)
  }
}
