// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PetrelCommands

struct InvocationTests {
  private static let docker = [Invocation.originalCommandVariable: "/usr/bin/docker"]

  @Test(arguments: [
    (["model", "pull", "x"], ["pull", "x"]),
    (["--context", "desktop", "-D", "model", "ls", "--json"], ["ls", "--json"]),
    (["-Hssh://h", "--log-level=debug", "--tls", "-c", "model", "model", "model"], ["model"]),
    (["help", "model", "pull"], ["help", "pull"]),
    (["model"], []),
    (["--config", "/c", "model", "run", "m", "model"], ["run", "m", "model"]),
  ])
  func pluginModeSkipsGlobalFlags(arguments: [String], words: [String]) {
    let invocation = Invocation(arguments: ["docker-model"] + arguments, environment: Self.docker)
    #expect(invocation.words == words)
    #expect(invocation.programName == "docker model")
  }

  @Test(arguments: [
    (["pull", "X"], ["pull", "X"]),
    (["-D", "--config=/c", "ls"], ["ls"]),
    (["--help"], ["--help"]),
    (["--config"], []),
  ])
  func standalonePluginNeedsNoWord(arguments: [String], words: [String]) {
    let invocation = Invocation(arguments: ["/opt/cli-plugins/docker-model"] + arguments, environment: [:])
    #expect(invocation.words == words)
    #expect(invocation.programName == "docker model")
  }

  @Test func configFlagSelectsDockersFolder() {
    for arguments in [["--config", "/c", "model", "ls"], ["--config=/c", "model", "ls"]] {
      let invocation = Invocation(arguments: ["docker-model"] + arguments, environment: Self.docker)
      #expect(invocation.environment["DOCKER_CONFIG"] == "/c")
    }
  }

  @Test func petrelIgnoresDockersVariable() {
    let invocation = Invocation(arguments: ["petrel", "ls"], environment: Self.docker)
    #expect(invocation.words == ["ls"])
    #expect(invocation.programName == "petrel")
    #expect(Invocation(arguments: ["petrel", "-D"], environment: [:]).words == ["-D"])
  }

  @Test func answersTheMetadataProbe() async throws {
    let fixture = try CommandFixture()
    #expect(await fixture.run(["docker-cli-plugin-metadata"], fixture.context()) == 0)
    #expect(fixture.output.hasPrefix("{\n     \"SchemaVersion\": \"0.1.0\",\n     \"Vendor\": \"Petrel\",\n"))
    #expect(fixture.output.hasSuffix("\"ShortDescription\": \"Petrel model runner\"\n}\n"))
    let metadata = try JSONDecoder().decode([String: String].self, from: Data(fixture.output.utf8))
    let numbers = try #require(metadata["Version"]).split(separator: ".").map { Int($0) ?? 0 }
    #expect([1, 0, 6].lexicographicallyPrecedes(numbers))
    #expect(fixture.errors.isEmpty)
  }
}

struct SpellingTests {
  @Test(arguments: [
    ("pul", "pull"), ("lst", "list"), ("insp", "inspect"), ("statsu", "status"), ("zzz", nil), ("x", nil),
  ])
  func findsTheClosest(word: String, expected: String?) {
    #expect(Spelling.closest(to: word, among: ["pull", "push", "list", "inspect", "status"]) == expected)
  }
}
